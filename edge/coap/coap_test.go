package coap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	piondtls "github.com/pion/dtls/v3"
	"github.com/plgd-dev/go-coap/v3/dtls"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp"
	"github.com/plgd-dev/go-coap/v3/udp/client"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// office notes what it is told.
type office struct {
	mu   sync.Mutex
	told []string
}

func (o *office) tell(_ context.Context, name string, order Order) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch name {
	case "ac1":
		o.told = append(o.told, fmt.Sprintf("%s %t %d", name, order.Power, order.Setpoint))
		return nil
	case "busy":
		return &fault.RetryAfter{Err: fmt.Errorf("%w: busy was changed 12s ago", fault.ErrRateLimited), After: 48 * time.Second}
	case "broken":
		return errors.New("secret inner failure")
	}
	return fmt.Errorf("%w: there is no air conditioner %q here", fault.ErrNotFound, name)
}

func (o *office) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.told...)
}

func start(t *testing.T, c Config) (*office, string) {
	t.Helper()
	o := &office{}
	s, err := Listen(c, o.tell)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			t.Error("the server does not stop")
		}
	})
	return o, s.Address().String()
}

func put(t *testing.T, cc *client.Conn, path string, queries ...string) (codes.Code, string, uint32) {
	t.Helper()
	var opts []message.Option
	for _, q := range queries {
		opts = append(opts, message.Option{ID: message.URIQuery, Value: []byte(q)})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	answer, err := cc.Put(ctx, path, message.TextPlain, bytes.NewReader(nil), opts...)
	require.NoError(t, err)
	body, err := answer.ReadBody()
	require.NoError(t, err)
	age, err := answer.GetOptionUint32(message.MaxAge)
	if err != nil {
		age = 0
	}
	return answer.Code(), string(body), age
}

func dial(t *testing.T, address string) *client.Conn {
	t.Helper()
	cc, err := udp.Dial(address)
	require.NoError(t, err)
	t.Cleanup(func() { cc.Close() })
	return cc
}

func TestThePathOf2017(t *testing.T) {
	t.Parallel()
	o, address := start(t, Config{Listen: "127.0.0.1:0"})
	cc := dial(t, address)
	for _, temperature := range []string{"24", "on", "off", "POWER_ON", "POWER_OFF"} {
		code, body, _ := put(t, cc, "/", "name=ac1", "temperature="+temperature)
		require.Equal(t, codes.Changed, code, body)
	}
	require.Equal(t, []string{"ac1 true 24", "ac1 true 0", "ac1 false 0", "ac1 true 0", "ac1 false 0"}, o.all())
}

func TestNonsenseIsRefusedInOneSentence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path    string
		queries []string
		code    codes.Code
		text    string
	}{
		"no query":       {"/", nil, codes.BadRequest, "name is missing: write ?name=AC&temperature=24"},
		"no temperature": {"/", []string{"name=ac1"}, codes.BadRequest, "temperature is missing: write a number from 18 to 30, on or off"},
		"too cold":       {"/", []string{"name=ac1", "temperature=17"}, codes.BadRequest, "temperature 17 is outside 18 to 30 °C"},
		"too warm":       {"/", []string{"name=ac1", "temperature=31"}, codes.BadRequest, "temperature 31 is outside 18 to 30 °C"},
		"no number":      {"/", []string{"name=ac1", "temperature=24.5"}, codes.BadRequest, `temperature "24.5" is no whole number from 18 to 30, nor on or off`},
		"twice":          {"/", []string{"name=ac1", "name=ac2", "temperature=24"}, codes.BadRequest, "name is given twice"},
		"something else": {"/", []string{"name=ac1", "temperature=24", "admin=1"}, codes.BadRequest, `"admin" is neither name nor temperature`},
		"another path":   {"/etc/passwd", []string{"name=ac1", "temperature=24"}, codes.NotFound, `there is nothing at "/etc/passwd"`},
		"unknown name":   {"/", []string{"name=ac9", "temperature=24"}, codes.NotFound, `not found: there is no air conditioner "ac9" here`},
		"too soon":       {"/", []string{"name=busy", "temperature=24"}, codes.TooManyRequests, "rate limit: busy was changed 12s ago"},
		"a failure":      {"/", []string{"name=broken", "temperature=24"}, codes.InternalServerError, "the order was not carried out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, address := start(t, Config{Listen: "127.0.0.1:0"})
			code, body, age := put(t, dial(t, address), c.path, c.queries...)
			require.Equal(t, c.code, code)
			require.Equal(t, c.text, body)
			require.Empty(t, o.all())
			if name == "too soon" {
				require.EqualValues(t, 48, age)
			}
		})
	}
	_, address := start(t, Config{Listen: "127.0.0.1:0"})
	answer, err := dial(t, address).Get(t.Context(), "/")
	require.NoError(t, err)
	require.Equal(t, codes.MethodNotAllowed, answer.Code())
}

// A client that hears no answer sends the same message again: the order is carried out once, and answered twice.
func TestARepeatedMessageIsOneOrder(t *testing.T) {
	t.Parallel()
	o, address := start(t, Config{Listen: "127.0.0.1:0"})
	conn, err := net.Dial("udp", address)
	require.NoError(t, err)
	defer conn.Close()
	// Confirmable PUT, message 0x1234, token 0x01, Uri-Query name=ac1 and temperature=22 (RFC 7252, 3).
	datagram := append([]byte{0x41, 0x03, 0x12, 0x34, 0x01, 0xD8, 0x02}, "name=ac1"...)
	datagram = append(append(datagram, 0x0D, 0x01), "temperature=22"...)
	answer := make([]byte, 1500)
	for range 3 {
		_, err := conn.Write(datagram)
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
		n, err := conn.Read(answer)
		require.NoError(t, err)
		require.GreaterOrEqual(t, n, 4)
		require.Equal(t, byte(codes.Changed), answer[1])
	}
	require.Equal(t, []string{"ac1 true 22"}, o.all())
}

func TestDatagramsThatAreNoCoAPChangeNothing(t *testing.T) {
	t.Parallel()
	o, address := start(t, Config{Listen: "127.0.0.1:0"})
	conn, err := net.Dial("udp", address)
	require.NoError(t, err)
	defer conn.Close()
	for _, junk := range []string{"", "\x00", "\xff\xff\xff\xff", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("\x41\x03", 4000), "\x4f\x03\x00\x01", "\x41\x03\x00\x02\x01\xdd\xff\xff"} {
		_, err := conn.Write([]byte(junk))
		require.NoError(t, err)
	}
	code, _, _ := put(t, dial(t, address), "/", "name=ac1", "temperature=20")
	require.Equal(t, codes.Changed, code, "it still answers")
	require.Len(t, o.all(), 1)
}

// knock sends one request from a place of its own and says whether anything answers.
func knock(t *testing.T, address string, id byte) bool {
	t.Helper()
	conn, err := net.Dial("udp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = conn.Write([]byte{0x41, 0x01, 0x77, id, 0x01}) // confirmable GET
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	_, err = conn.Read(make([]byte, 1500))
	return err == nil
}

func TestAFloodIsBounded(t *testing.T) {
	t.Parallel()
	_, full := start(t, Config{Listen: "127.0.0.1:0"})
	for i := range sessionsMost {
		require.True(t, knock(t, full, byte(i)))
	}
	require.False(t, knock(t, full, 99), "there is no place for one more")

	o, address := start(t, Config{Listen: "127.0.0.1:0"})
	datagram := append([]byte{0x51, 0x03, 0, 0, 0x01, 0xD8, 0x02}, "name=ac1"...) // non-confirmable
	datagram = append(append(datagram, 0x0D, 0x01), "temperature=22"...)
	for source := range 300 {
		conn, err := net.Dial("udp", address)
		require.NoError(t, err)
		defer conn.Close()
		for id := range 10 {
			datagram[2], datagram[3] = byte(source), byte(id)
			_, err := conn.Write(datagram)
			require.NoError(t, err)
		}
	}
	require.LessOrEqual(t, len(o.all()), burst+10*eachSecond, "of 3000 orders from 300 places")
	require.NotEmpty(t, o.all())
	// Once the flood is over and its sessions have gone, people are heard again.
	require.Eventually(t, func() bool {
		cc, err := udp.Dial(address)
		require.NoError(t, err)
		defer cc.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		answer, err := cc.Put(ctx, "/", message.TextPlain, nil,
			message.Option{ID: message.URIQuery, Value: []byte("name=ac1")}, message.Option{ID: message.URIQuery, Value: []byte("temperature=25")})
		return err == nil && answer.Code() == codes.Changed
	}, 40*time.Second, 200*time.Millisecond)
}

var secret = Config{Listen: "127.0.0.1:0", Identity: "panel", Key: []byte("0123456789abcdef0123")}

func dialDTLS(address, identity, key string, suite piondtls.CipherSuiteID) (*client.Conn, error) {
	return dtls.Dial(address, dtls.NewDTLSClientOptions(
		piondtls.WithPSK(func([]byte) ([]byte, error) { return []byte(key), nil }),
		piondtls.WithPSKIdentityHint([]byte(identity)), piondtls.WithCipherSuites(suite),
	))
}

func TestDTLSLetsInWhoHasTheKey(t *testing.T) {
	t.Parallel()
	o, address := start(t, secret)
	for _, suite := range []piondtls.CipherSuiteID{piondtls.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256, piondtls.TLS_PSK_WITH_AES_128_CCM_8} {
		cc, err := dialDTLS(address, "panel", string(secret.Key), suite)
		require.NoError(t, err)
		code, body, _ := put(t, cc, "/", "name=ac1", "temperature=24")
		require.Equal(t, codes.Changed, code, body)
		require.NoError(t, cc.Close())
	}
	require.Len(t, o.all(), 2)
}

func TestDTLSLetsInNobodyElse(t *testing.T) {
	t.Parallel()
	o, address := start(t, secret)
	ask := func(cc *client.Conn) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := cc.Put(ctx, "/", message.TextPlain, nil,
			message.Option{ID: message.URIQuery, Value: []byte("name=ac1")}, message.Option{ID: message.URIQuery, Value: []byte("temperature=30")})
		return err
	}
	for _, who := range [][2]string{{"panel", "another key of 16 bytes"}, {"somebody", string(secret.Key)}} {
		cc, err := dialDTLS(address, who[0], who[1], piondtls.TLS_PSK_WITH_AES_128_CCM_8)
		if err == nil {
			err = ask(cc)
			cc.Close()
		}
		require.Error(t, err, who[0])
	}
	plain, err := udp.Dial(address)
	require.NoError(t, err)
	defer plain.Close()
	require.Error(t, ask(plain), "without DTLS")
	require.Empty(t, o.all())
	cc, err := dialDTLS(address, "panel", string(secret.Key), piondtls.TLS_PSK_WITH_AES_128_CCM_8)
	require.NoError(t, err)
	defer cc.Close()
	require.NoError(t, ask(cc), "and it still answers")
}

func TestItRefusesToBeOpenToEverybody(t *testing.T) {
	t.Parallel()
	for listen, text := range map[string]string{
		"0.0.0.0:5683":     "coap: 0.0.0.0:5683 is not on loopback: anybody there could set the air conditioners; give a key (DTLS) or listen on 127.0.0.1: invalid",
		":5683":            "coap: :5683 is not on loopback: anybody there could set the air conditioners; give a key (DTLS) or listen on 127.0.0.1: invalid",
		"192.168.1.2:5683": "coap: 192.168.1.2:5683 is not on loopback: anybody there could set the air conditioners; give a key (DTLS) or listen on 127.0.0.1: invalid",
		"here":             `coap: "here" is no address (write 127.0.0.1:5683): invalid`,
	} {
		_, err := Listen(Config{Listen: listen}, nil)
		require.EqualError(t, err, text)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	require.EqualError(t, Config{Listen: "0.0.0.0:5684", Identity: "panel", Key: []byte("short")}.Validate(), "coap: the key has 5 bytes: use 16 or more: invalid")
	require.EqualError(t, Config{Listen: "0.0.0.0:5684", Key: secret.Key}.Validate(), "coap: the key has no identity: invalid")
	require.EqualError(t, Config{Listen: "0.0.0.0:5684", Identity: "panel"}.Validate(), `coap: identity "panel" has no key: invalid`)
	for _, listen := range []string{"127.0.0.1:5683", "[::1]:5683", "localhost:5683", "127.8.9.1:5683"} {
		require.NoError(t, Config{Listen: listen}.Validate())
	}
	require.NoError(t, Config{Listen: "0.0.0.0:5684", Identity: "panel", Key: secret.Key}.Validate())
}
