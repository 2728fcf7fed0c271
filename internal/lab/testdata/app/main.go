// Command app is the program of the lab's test images, small and static:
//
//	app serve             listen on PORT (7000): each connection gets one line, NAME@HOSTNAME, and is closed
//	app health            exit 0 when the own port answers
//	app dial HOST:PORT    print the line that comes from there; exit 1 when none does within 3 s
//	app resolve NAME      print the addresses of a name, one a line
//	app sleep             until SIGTERM
//	app exit CODE WORDS   print the words on stderr and exit so
//	app allocate BYTES    hold so much memory, touched, until SIGTERM
//	app burn              keep one processor busy until SIGTERM
//	app env | app cat FILE
//
// NAME is an environment variable. It ends at once on SIGTERM, with code 0.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const patience = 3 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		code = 1
	}
	os.Exit(code)
}

func run(ctx context.Context, args []string) (code int, err error) {
	verb, arg := "serve", ""
	if len(args) > 0 {
		verb = args[0]
	}
	if len(args) > 1 {
		arg = args[1]
	}
	switch verb {
	case "serve":
		return 0, serve(ctx)
	case "health":
		return 0, dial(ctx, "127.0.0.1:"+port(), io.Discard)
	case "dial":
		return 0, dial(ctx, arg, os.Stdout)
	case "resolve":
		return 0, resolve(ctx, arg)
	case "sleep":
		<-ctx.Done()
	case "exit":
		fmt.Fprintln(os.Stderr, strings.Join(args[2:], " "))
		return strconv.Atoi(arg)
	case "allocate":
		return 0, allocate(ctx, arg)
	case "burn":
		for ctx.Err() == nil {
		}
	case "env":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "cat":
		text, err := os.ReadFile(arg)
		if err == nil {
			_, err = os.Stdout.Write(text)
		}
		return 0, err
	default:
		return 2, fmt.Errorf("unknown verb %q", verb)
	}
	return 0, nil
}

func port() string {
	if given := os.Getenv("PORT"); given != "" {
		return given
	}
	return "7000"
}

func serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+port())
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	fmt.Println("serving on", listener.Addr())
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		connection, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			fmt.Fprintf(connection, "%s@%s\n", os.Getenv("NAME"), host)
			connection.Close()
		}()
	}
}

func dial(ctx context.Context, address string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	fmt.Fprint(out, line)
	return err
}

func resolve(ctx context.Context, name string) error {
	addresses, err := net.DefaultResolver.LookupHost(ctx, name)
	fmt.Println(strings.Join(addresses, "\n"))
	return err
}

func allocate(ctx context.Context, size string) error {
	bytes, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	memory := make([]byte, bytes)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	fmt.Println("holding", len(memory), "bytes")
	<-ctx.Done()
	fmt.Println("held", memory[0])
	return nil
}
