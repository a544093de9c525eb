/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/**
 * The kubelet's APIs for plugins: their messages, and the paths of their methods. The messages are
 * made from the .proto files beside this one; Deviceplugin__X is message X of deviceplugin.proto.
 */
#include <deviceplugin.pb-c.h>
#include <podresources.pb-c.h>
#include <registration.pb-c.h>

#define DEVICEPLUGIN_VERSION "v1beta1"

/* Served by the kubelet at kubelet.sock in its directory of device plugins. */
#define DEVICEPLUGIN_REGISTER "/v1beta1.Registration/Register"

/* Served by a device plugin. */
#define DEVICEPLUGIN_GET_OPTIONS              "/v1beta1.DevicePlugin/GetDevicePluginOptions"
#define DEVICEPLUGIN_LIST_AND_WATCH           "/v1beta1.DevicePlugin/ListAndWatch"
#define DEVICEPLUGIN_GET_PREFERRED_ALLOCATION "/v1beta1.DevicePlugin/GetPreferredAllocation"
#define DEVICEPLUGIN_ALLOCATE                 "/v1beta1.DevicePlugin/Allocate"
#define DEVICEPLUGIN_PRE_START_CONTAINER      "/v1beta1.DevicePlugin/PreStartContainer"

/* Served by a plugin whose socket the kubelet finds in its directory of plugins. */
#define PLUGINREGISTRATION_GET_INFO "/pluginregistration.Registration/GetInfo"
#define PLUGINREGISTRATION_NOTIFY   "/pluginregistration.Registration/NotifyRegistrationStatus"

/* Served by the kubelet at pod-resources/kubelet.sock. */
#define PODRESOURCES_LIST        "/v1.PodResourcesLister/List"
#define PODRESOURCES_GET         "/v1.PodResourcesLister/Get"
#define PODRESOURCES_ALLOCATABLE "/v1.PodResourcesLister/GetAllocatableResources"
