// Command probe proves a TCP connection. It is the one program of the probe image, which runs for a moment
// in a consumer's network namespace and says what it saw as one JSON line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `probe connects by TCP and says in one JSON line what came of it.

Usage:
  probe HOST:PORT [TIMEOUT]   connect; TIMEOUT is 3s unless given (500ms, 10s, …)
  probe health                exit 0: a probe that can run is well
  probe --help                this text

Examples:
  probe kafka:9092
  probe 10.0.0.7:8086 500ms

Exit status: 0 connected, 1 not connected, 2 wrong usage.
`

// defaultTimeout bounds name resolution and connecting together.
const defaultTimeout = 3 * time.Second

// Result is the line that probe prints.
type Result struct {
	Connected bool `json:"connected"`
	// Address is the ip:port that answered, or what was asked for when none did.
	Address string `json:"address"`
	// Millis is the whole time, from name to connection, in ms.
	Millis float64 `json:"ms"`
	// Fault says why not, naming every address tried.
	Fault string `json:"fault,omitempty"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, faults io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "health":
		return 0
	case len(args) == 1 && (args[0] == "--help" || args[0] == "-h" || args[0] == "help"):
		fmt.Fprint(out, usage)
		return 0
	case len(args) < 1 || len(args) > 2:
		fmt.Fprintf(faults, "probe: one address and perhaps a timeout, not %d arguments (see probe --help)\n", len(args))
		return 2
	}
	timeout := defaultTimeout
	if len(args) == 2 {
		given, err := time.ParseDuration(args[1])
		if err != nil || given <= 0 {
			fmt.Fprintf(faults, "probe: %q is no timeout (write 500ms or 3s)\n", args[1])
			return 2
		}
		timeout = given
	}
	host, port, err := net.SplitHostPort(args[0])
	if err != nil || host == "" || port == "" {
		fmt.Fprintf(faults, "probe: %q is no HOST:PORT\n", args[0])
		return 2
	}
	result := connect(ctx, host, port, timeout)
	if err := json.NewEncoder(out).Encode(result); err != nil {
		fmt.Fprintf(faults, "probe: write the result: %v\n", err)
		return 1
	}
	if !result.Connected {
		return 1
	}
	return 0
}

// connect tries the host's addresses one after the other, sharing the time that is left.
func connect(ctx context.Context, host, port string, timeout time.Duration) Result {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result := Result{Address: net.JoinHostPort(host, port)}
	done := func(fault string) Result {
		result.Fault = fault
		result.Millis = float64(time.Since(begun).Microseconds()) / 1000
		return result
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return done(fmt.Sprintf("%s is no port", port))
	}
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return done(fmt.Sprintf("name %s: %s", host, nameFault(err, timeout)))
	}
	var tried []string
	for i, ip := range ips {
		address := net.JoinHostPort(ip, fmt.Sprint(number))
		err := dial(ctx, address, len(ips)-i)
		if err == nil {
			result.Connected, result.Address = true, address
			return done("")
		}
		tried = append(tried, address+" "+dialFault(err))
	}
	return done(strings.Join(tried, ", "))
}

// dial connects within this address's share of the time that is left.
func dial(ctx context.Context, address string, left int) error {
	if deadline, found := ctx.Deadline(); found {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return connection.Close()
}

func nameFault(err error, timeout time.Duration) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer from the name server within %s", timeout)
	}
	return err.Error()
}

func dialFault(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused the connection"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "did not answer in time"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "has no route to it"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}
