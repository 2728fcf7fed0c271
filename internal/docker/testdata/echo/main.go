// Command echo is the function that the tests of package docker place: `echo serve` listens on port 7000 and
// says how many bytes its secret has, `echo health` connects to it, `echo exit` ends with code 3.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/overcloud/overcloud/internal/fn"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	address := fn.Listen(os.Getenv, "7000")
	switch os.Args[1] {
	case "exit":
		fmt.Println("no such topic")
		os.Exit(3)
	case "health":
		connection, err := net.Dial("tcp", address)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		connection.Close()
	case "serve":
		listener, err := net.Listen("tcp", address)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		secret, err := os.ReadFile(fn.Path(os.Getenv, "/run/secrets/token"))
		info, _ := os.Stat(fn.Path(os.Getenv, "/run/secrets/token"))
		if err == nil {
			fmt.Printf("secret of %d bytes, mode %v\n", len(secret), info.Mode())
		}
		fmt.Println("serving", os.Getenv("GREETING"))
		<-ctx.Done()
		listener.Close()
		fmt.Println("stopped")
	}
}
