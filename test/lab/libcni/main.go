// SPDX-License-Identifier: Apache-2.0

// Drives CNI plugins through libcni, the library that runtimes call them by.
//
//	libcni VERB CONFLIST CONTAINER NETNS IFNAME
//
// CNI_PATH has the directories of the plugins, CAP_ARGS what the runtime asks for per capability. The
// result, if any, goes to standard output, and so does the error of a plugin as the plugin had it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

type verb func(*libcni.CNIConfig, *libcni.NetworkConfigList, *libcni.RuntimeConf) error

var verbs = map[string]verb{
	"add": func(cni *libcni.CNIConfig, list *libcni.NetworkConfigList, rt *libcni.RuntimeConf) error {
		result, err := cni.AddNetworkList(context.Background(), list, rt)
		if err != nil {
			return err
		}
		return result.Print()
	},
	"check": func(cni *libcni.CNIConfig, list *libcni.NetworkConfigList, rt *libcni.RuntimeConf) error {
		return cni.CheckNetworkList(context.Background(), list, rt)
	},
	"del": func(cni *libcni.CNIConfig, list *libcni.NetworkConfigList, rt *libcni.RuntimeConf) error {
		return cni.DelNetworkList(context.Background(), list, rt)
	},
	"validate": func(cni *libcni.CNIConfig, list *libcni.NetworkConfigList, _ *libcni.RuntimeConf) error {
		_, err := cni.ValidateNetworkList(context.Background(), list)
		return err
	},
}

func run(args []string) error {
	if len(args) != 6 || verbs[args[1]] == nil {
		return fmt.Errorf("usage: libcni VERB CONFLIST CONTAINER NETNS IFNAME")
	}
	list, err := libcni.ConfListFromFile(args[2])
	if err != nil {
		return err
	}
	cni := libcni.NewCNIConfig(filepath.SplitList(os.Getenv("CNI_PATH")), nil)
	rt := &libcni.RuntimeConf{ContainerID: args[3], NetNS: args[4], IfName: args[5]}
	if asked := os.Getenv("CAP_ARGS"); asked != "" {
		if err := json.Unmarshal([]byte(asked), &rt.CapabilityArgs); err != nil {
			return fmt.Errorf("CAP_ARGS: %w", err)
		}
	}
	return verbs[args[1]](cni, list, rt)
}

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		var plugins *types.Error
		if errors.As(err, &plugins) {
			_ = plugins.Print()
		}
		os.Exit(1)
	}
}
