# SPDX-License-Identifier: Apache-2.0
# cmake -DOBJECT=FILE -DHEADER=FILE -P build_id.cmake: the hash by which a build is known
file(SHA512 ${OBJECT} hash)
string(SUBSTRING ${hash} 0 16 hash)
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define DATAPATH_BUILD 0x${hash}ULL\n")
