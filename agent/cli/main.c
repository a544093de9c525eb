// SPDX-License-Identifier: Apache-2.0
/**
 * edgeway - what the operator of a node asks the eBPF data path, and of its SR-IOV devices.
 *
 * It works from what is pinned below /sys/fs/bpf/edgeway, and from the cards: no daemon answers it.
 */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
