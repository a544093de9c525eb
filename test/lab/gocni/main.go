// SPDX-License-Identifier: Apache-2.0

// Does what faasd does with the network of a function, by the library it does it with.
//
//	gocni add|del CONFLIST NAME PID      (CNI_PATH has the directories of the plugins)
//
// As in faasd: loopback beside the conflist's network, links called eth*, the container's id
// NAME-PID, its network namespace that of the process.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	gocni "github.com/containerd/go-cni"
)

func run(args []string) error {
	if len(args) != 5 {
		return fmt.Errorf("usage: gocni add|del CONFLIST NAME PID")
	}
	conflist, id, netns := args[2], args[3]+"-"+args[4], "/proc/"+args[4]+"/ns/net"
	cni, err := gocni.New(
		gocni.WithPluginConfDir(filepath.Dir(conflist)),
		gocni.WithPluginDir(filepath.SplitList(os.Getenv("CNI_PATH"))),
		gocni.WithInterfacePrefix("eth"),
	)
	if err != nil {
		return err
	}
	if err := cni.Load(gocni.WithLoNetwork, gocni.WithConfListFile(conflist)); err != nil {
		return err
	}
	ctx := context.Background()
	switch args[1] {
	case "add":
		_, err = cni.Setup(ctx, id, netns)
		return err
	case "del":
		return cni.Remove(ctx, id, netns)
	}
	return fmt.Errorf("no such verb: %s", args[1])
}

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
