// SPDX-License-Identifier: Apache-2.0

//go:build gc_status

// The verbs that came with libcni 1.2: STATUS and GC of CNI 1.1.0.
package main

import (
	"context"
	"os"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

func init() {
	verbs["status"] = func(cni *libcni.CNIConfig, list *libcni.NetworkConfigList, _ *libcni.RuntimeConf) error {
		return cni.GetStatusNetworkList(context.Background(), list)
	}
	verbs["gc"] = func(cni *libcni.CNIConfig, list *libcni.NetworkConfigList, _ *libcni.RuntimeConf) error {
		return cni.GCNetworkList(context.Background(), list, &libcni.GCArgs{ValidAttachments: valid()})
	}
}

// valid reads $VALID, "container/ifname container/ifname": the attachments that GC is to keep.
func valid() []types.GCAttachment {
	keep := []types.GCAttachment{}
	for _, word := range strings.Fields(os.Getenv("VALID")) {
		container, ifname, _ := strings.Cut(word, "/")
		keep = append(keep, types.GCAttachment{ContainerID: container, IfName: ifname})
	}
	return keep
}
