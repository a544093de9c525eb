// SPDX-License-Identifier: Apache-2.0

// One call by grpc-go as a kubelet makes it, with bytes for messages.
//
//	gokubelet SOCKET AUTHORITY METHOD [HEX]     "": the authority that grpc-go makes of the path
//
// Prints the first message of the answer in hexadecimal, or the code and the text of a refusal.
package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

type raw struct{}

func (raw) Marshal(v interface{}) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v interface{}) error {
	*v.(*[]byte) = append([]byte{}, data...)
	return nil
}

func (raw) Name() string { return "proto" }

func dial(ctx context.Context, path, authority string) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", address)
		}),
	}
	if authority != "" {
		options = append(options, grpc.WithAuthority(authority))
	}
	return grpc.DialContext(ctx, path, options...)
}

func call(path, authority, method string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	connection, err := dial(ctx, path, authority)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodec(raw{}))
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(&request); err != nil {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var answer []byte
	err = stream.RecvMsg(&answer)
	return answer, err
}

func main() {
	var request []byte
	if len(os.Args) > 4 {
		request, _ = hex.DecodeString(os.Args[4])
	}
	answer, err := call(os.Args[1], os.Args[2], os.Args[3], request)
	if err != nil {
		fmt.Println(status.Code(err), status.Convert(err).Message())
		return
	}
	fmt.Println(hex.EncodeToString(answer))
}
