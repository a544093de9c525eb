// SPDX-License-Identifier: Apache-2.0

// grpc-go, as the kubelet uses it, against lib/grpc.
//
//	gopeer serve SOCKET     serves some of what peer.c serves, for ask.c
//	gopeer ask SOCKET       calls what peer.c serves; prints TAP
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang/protobuf/ptypes/wrappers"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type blob = wrappers.BytesValue

const large = 10 << 20

func text(s string) *blob { return &blob{Value: []byte(s)} }

// serve answers every method, told apart by name, as peer.c does.
func serve(_ interface{}, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	request := new(blob)
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	switch method {
	case "/test.Peer/Echo":
		return stream.SendMsg(request)
	case "/test.Peer/Fail":
		return status.Error(codes.FailedPrecondition, "not now: 100% é")
	case "/test.Peer/Stream", "/test.Peer/StreamFail":
		n, _ := strconv.Atoi(string(request.Value))
		for i := 0; i < n; i++ {
			if err := stream.SendMsg(text(strconv.Itoa(i))); err != nil {
				return err
			}
		}
		if method == "/test.Peer/Stream" {
			return nil
		}
		return status.Error(codes.Aborted, "after "+string(request.Value))
	case "/test.Peer/Hang":
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	return status.Error(codes.Unimplemented, method)
}

func listen(path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	options := []grpc.ServerOption{grpc.UnknownServiceHandler(serve), grpc.MaxRecvMsgSize(16 << 20)}
	return grpc.NewServer(options...).Serve(listener)
}

var socket string
var failed bool

func check(name string, err error) {
	if err == nil {
		fmt.Println("ok - grpc-go:", name)
		return
	}
	failed = true
	fmt.Printf("not ok - grpc-go: %s\n# %v\n", name, err)
}

func dial(options ...grpc.DialOption) (*grpc.ClientConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	options = append(options, grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20), grpc.MaxCallSendMsgSize(16<<20)),
		grpc.WithContextDialer(func(ctx context.Context, path string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}))
	return grpc.DialContext(ctx, socket, options...)
}

func call(conn *grpc.ClientConn, method, request string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	reply := new(blob)
	err := conn.Invoke(ctx, "/test.Peer/"+method, text(request), reply)
	return string(reply.Value), err
}

func expect(got, want string, err error) error {
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("got %.60q, want %.60q", got, want)
	}
	return nil
}

func expectCode(err error, code codes.Code, message string) error {
	s, _ := status.FromError(err)
	if s.Code() != code || !strings.Contains(s.Message(), message) {
		return fmt.Errorf("got %v, want %v %q", err, code, message)
	}
	return nil
}

func open(ctx context.Context, conn *grpc.ClientConn, method, request string) (grpc.ClientStream, error) {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test.Peer/"+method)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(text(request)); err != nil {
		return nil, err
	}
	return stream, stream.CloseSend()
}

// drain returns the messages of a stream, and what ended it.
func drain(stream grpc.ClientStream) (got []string, err error) {
	for {
		m := new(blob)
		if err := stream.RecvMsg(m); err != nil {
			return got, err
		}
		got = append(got, string(m.Value))
	}
}

func streams(conn *grpc.ClientConn) error {
	stream, err := open(context.Background(), conn, "Stream", "1000")
	if err != nil {
		return err
	}
	got, err := drain(stream)
	if err != io.EOF || len(got) != 1000 || got[999] != "999" {
		return fmt.Errorf("%d messages, then %v", len(got), err)
	}
	stream, err = open(context.Background(), conn, "StreamFail", "")
	if err != nil {
		return err
	}
	got, err = drain(stream)
	if len(got) != 2 {
		return fmt.Errorf("%d messages before %v", len(got), err)
	}
	return expectCode(err, codes.Aborted, "after two")
}

// watch: messages that come later, and a stream that the client ends.
func watch(conn *grpc.ClientConn) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := open(ctx, conn, "Watch", "")
	for _, want := range []string{"first", "second", "third"} {
		m := new(blob)
		if err == nil && want != "first" {
			time.Sleep(20 * time.Millisecond)
			_, err = call(conn, "Push", want)
		}
		if err == nil {
			err = stream.RecvMsg(m)
		}
		if err = expect(string(m.Value), want, err); err != nil {
			return err
		}
	}
	cancel()
	if _, err := drain(stream); expectCode(err, codes.Canceled, "") != nil {
		return err
	}
	return settled(conn)
}

// settled waits until the server knows that nobody waits for it.
func settled(conn *grpc.ClientConn) (err error) {
	for i := 0; i < 200; i++ {
		got, e := call(conn, "Counts", "")
		if e == nil && strings.HasPrefix(got, "0 waiting") {
			return nil
		}
		err = fmt.Errorf("%q %v", got, e)
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func deadline(conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := conn.Invoke(ctx, "/test.Peer/Hang", text(""), new(blob))
	if err := expectCode(err, codes.DeadlineExceeded, ""); err != nil {
		return err
	}
	return settled(conn)
}

func many(conn *grpc.ClientConn) error {
	var took []time.Duration
	for i := 0; i < 1000; i++ {
		began := time.Now()
		got, err := call(conn, "Echo", strconv.Itoa(i))
		if err := expect(got, strconv.Itoa(i), err); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	fmt.Printf("# grpc-go: a call takes %v (median), %v (least)\n", took[500], took[0])
	return nil
}

func parallel(n int, work func(i int) error) (first error) {
	var wait sync.WaitGroup
	var mutex sync.Mutex
	for i := 0; i < n; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			if err := work(i); err != nil {
				mutex.Lock()
				first = err
				mutex.Unlock()
			}
		}(i)
	}
	wait.Wait()
	return first
}

func ownConnection(i int) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	got, err := call(conn, "Echo", strconv.Itoa(i))
	return expect(got, strconv.Itoa(i), err)
}

func authority(name string) error {
	conn, err := dial(grpc.WithAuthority(name))
	if err != nil {
		return err
	}
	defer conn.Close()
	got, err := call(conn, "Echo", name)
	return expect(got, name, err)
}

func ask() error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	got, err := call(conn, "Echo", "hello")
	check("a unary call", expect(got, "hello", err))
	got, err = call(conn, "Echo", "")
	check("an empty message", expect(got, "", err))
	_, err = call(conn, "Fail", "")
	check("an error before any message", expectCode(err, codes.FailedPrecondition, "not now: 100% é"))
	_, err = call(conn, "None", "")
	check("a method that is not there", expectCode(err, codes.Unimplemented, "/test.Peer/None"))
	check("streams that end, in OK and in an error after messages", streams(conn))
	check("a stream with later messages, cancelled", watch(conn))
	check("a deadline", deadline(conn))
	got, err = call(conn, "CallBack", socket)
	check("a method that calls back before it answers", expect(got, "back", err))
	huge := string(bytes.Repeat([]byte("x"), large))
	got, err = call(conn, "Echo", huge)
	check("a message of 10 MiB", expect(got, huge, err))
	_, err = call(conn, "Echo", huge+huge[:7<<20])
	check("a message that is too large", expectCode(err, codes.ResourceExhausted, "larger than"))
	check("1000 calls on a connection", many(conn))
	check("300 calls at a time on a connection", parallel(300, func(i int) error {
		got, err := call(conn, "Echo", strconv.Itoa(i))
		return expect(got, strconv.Itoa(i), err)
	}))
	check("100 connections at a time", parallel(100, ownConnection))
	check("the socket's path as authority", authority(socket))
	check("the socket's path as authority, encoded", authority(strings.ReplaceAll(socket, "/", "%2F")))
	check("nothing is left waiting", settled(conn))
	return nil
}

func run() error {
	if len(os.Args) != 3 {
		return errors.New("usage: gopeer serve|ask SOCKET")
	}
	socket = os.Args[2]
	if os.Args[1] == "serve" {
		return listen(socket)
	}
	return ask()
}

func main() {
	if err := run(); err != nil {
		fmt.Println("not ok - grpc-go runs\n#", err)
		failed = true
	}
	if failed {
		os.Exit(1)
	}
}
