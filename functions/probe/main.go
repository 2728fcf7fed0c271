// Command probe looks at connections and makes them. It is the one program of the probe image, which runs in a
// consumer's network namespace: for a moment, to say what it can reach, or for as long as the consumer lives, to
// pass on ports.
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
	"sync"
	"syscall"
	"time"
)

const usage = `probe connects by TCP and says in one JSON line for each address what came of it.

Usage:
  probe HOST:PORT... [TIMEOUT]      connect; TIMEOUT is 3s unless given (500ms, 10s, …)
  probe forward IP:PORT=HOST:PORT...
                                    listen on each IP:PORT and pass its connections on to HOST:PORT
  probe disk PATH                   say in one JSON line how many bytes are free there
  probe health                      exit 0: a probe that can run is well
  probe --help                      this text

Examples:
  probe kafka:9092
  probe kafka:9092 10.0.0.7:8086 500ms
  probe forward 127.77.0.1:5432=10.0.0.7:20001

Exit status: 0 all connected, 1 not all connected or not forwarding any more, 2 wrong usage.
`

// defaultTimeout bounds name resolution and connecting together.
const defaultTimeout = 3 * time.Second

// Result is the line that probe prints for one address, in the order of the addresses.
type Result struct {
	// Asked is the address as it was given.
	Asked     string `json:"asked"`
	Connected bool   `json:"connected"`
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
	if len(args) > 0 {
		switch args[0] {
		case "health":
			return 0
		case "--help", "-h", "help":
			fmt.Fprint(out, usage)
			return 0
		case "forward":
			return forward(ctx, args[1:], out, faults)
		case "disk":
			return disk(args[1:], out, faults)
		}
	}
	addresses, timeout, err := read(args)
	if err != nil {
		fmt.Fprintf(faults, "probe: %v\n", err)
		return 2
	}
	code := 0
	for _, result := range connectAll(ctx, addresses, timeout) {
		if err := json.NewEncoder(out).Encode(result); err != nil {
			fmt.Fprintf(faults, "probe: write the result: %v\n", err)
			return 1
		}
		if !result.Connected {
			code = 1
		}
	}
	return code
}

// read takes addresses and perhaps a timeout after them.
func read(args []string) (addresses []string, timeout time.Duration, err error) {
	timeout = defaultTimeout
	if last := len(args) - 1; last > 0 && !strings.Contains(args[last], ":") {
		timeout, err = time.ParseDuration(args[last])
		if err != nil || timeout <= 0 {
			return nil, 0, fmt.Errorf("%q is no timeout (write 500ms or 3s)", args[last])
		}
		args = args[:last]
	}
	if len(args) == 0 {
		return nil, 0, errors.New("no address is given (see probe --help)")
	}
	for _, address := range args {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return nil, 0, fmt.Errorf("%q is no HOST:PORT", address)
		}
	}
	return args, timeout, nil
}

// connectAll tries all addresses side by side: a consumer has few providers.
func connectAll(ctx context.Context, addresses []string, timeout time.Duration) []Result {
	results := make([]Result, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() {
			host, port, _ := net.SplitHostPort(address) // read has tried it
			results[i] = connect(ctx, host, port, timeout)
			results[i].Asked = address
		})
	}
	all.Wait()
	return results
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
