// SPDX-License-Identifier: Apache-2.0
/**
 * bridge - connect a container to a Linux bridge on the node.
 *
 * plugin.c reads the configuration; add.c, del.c and check.c do the work.
 */
#include "bridge.h"

int main(int argc, char **argv)
{
	return cni_main(&bridge_plugin, argc, argv);
}
