// Command app is what the tests of the process box run in their containers.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	root := os.Getenv("OVERCLOUD_ROOT")
	command := "env"
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	switch command {
	case "env":
		for _, variable := range os.Environ() {
			fmt.Println(variable)
		}
		dir, _ := os.Getwd()
		fmt.Println("cwd=" + dir)
	case "say":
		for _, word := range os.Args[2:] {
			fmt.Println("out " + word)
			fmt.Fprintln(os.Stderr, "err "+word)
		}
	case "echo": // a server that answers once its caller has said all
		listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("OVERCLOUD_LISTEN_HOST"), os.Args[2]))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("listening")
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				text, _ := io.ReadAll(conn)
				fmt.Fprintf(conn, "%s from %s", text, listener.Addr())
				conn.Close()
			}()
		}
	case "wait": // until SIGTERM
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("waiting")
		<-signals
		fmt.Println("bye")
	case "stubborn": // ignores SIGTERM
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("staying")
		time.Sleep(time.Hour)
	case "parent": // leaves a child in a session of its own
		child := exec.Command(os.Args[0], "stubborn")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := child.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("child", child.Process.Pid)
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Hour)
	case "exit":
		code, _ := strconv.Atoi(os.Args[2])
		fmt.Println("run")
		os.Exit(code)
	case "put":
		if err := os.WriteFile(filepath.Join(root, os.Args[2]), []byte(os.Args[3]), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "get":
		text, err := os.ReadFile(filepath.Join(root, os.Args[2]))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Stdout.Write(text)
	case "has": // exit 0 when the file is there: a health check
		if _, err := os.Stat(filepath.Join(root, os.Args[2])); err != nil {
			fmt.Println("no " + os.Args[2])
			os.Exit(1)
		}
		fmt.Println("there")
	case "upper":
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			fmt.Println(strings.ToUpper(lines.Text()))
		}
	}
}
