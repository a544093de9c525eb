/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/** For targets that write files: an empty /run and /var/lib in namespaces of our own; needs root.
 */
void world_make(void);
