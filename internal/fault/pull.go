package fault

import "strings"

// Check is one link in the chain between a worker, a box and an image. A pull needs them in this order, so the
// first that fails is the cause and the later ones were never tried.
type Check string

// The checks, in order.
const (
	CheckAddress  Check = "address"  // the engine's address takes a connection
	CheckEngine   Check = "engine"   // the engine answers
	CheckDNS      Check = "DNS"      // the box finds the registry's address
	CheckTCP      Check = "TCP"      // the box gets a connection to it
	CheckTLS      Check = "TLS"      // the box trusts the registry's certificate
	CheckAnswer   Check = "answer"   // the registry takes requests now: no 5xx, no rate limit
	CheckAuth     Check = "auth"     // the registry takes the credentials
	CheckManifest Check = "manifest" // the registry has the image, for the platform
	CheckDisk     Check = "disk"     // the engine's data root has room for it
)

// Checks are all checks, in order.
func Checks() []Check {
	return []Check{
		CheckAddress, CheckEngine, CheckDNS, CheckTCP, CheckTLS, CheckAnswer, CheckAuth, CheckManifest, CheckDisk,
	}
}

// Pull is a failed pull as the engine or the registry worded it.
type Pull struct {
	// Check is the one that the words name; empty when it is none of them, as with damaged bytes.
	Check Check
	// Words are the engine's or the registry's own.
	Words string
	// Err is the sentinel.
	Err error
}

// Error is the words, and what they mean unless they say so themselves.
func (p *Pull) Error() string {
	return strings.TrimSuffix(p.Words, ": "+p.Err.Error()) + ": " + p.Err.Error()
}

// Unwrap gives the sentinel.
func (p *Pull) Unwrap() error { return p.Err }

// OfPull reads the words of a failed pull; nil when nobody has heard them yet. The words are those of dockerd
// 20.10 to 28, with its own image store and with containerd's, of the registries that these pass on, and of
// the process box; testdata/pull-words.txt lists them.
func OfPull(words string) *Pull {
	text := strings.ToLower(words)
	for _, kind := range phrases() {
		for _, phrase := range kind.any {
			if strings.Contains(text, phrase) {
				return &Pull{Check: kind.check, Words: words, Err: kind.err}
			}
		}
	}
	return nil
}

// Ambiguous says whether words leave open if the image is missing or the credentials are: registries answer
// both alike, so as not to tell strangers what they have. Whoever asks the registry itself learns which.
func Ambiguous(words string) bool {
	text := strings.ToLower(words)
	return strings.Contains(text, "does not exist or may require") || strings.Contains(text, "insufficient_scope") ||
		strings.Contains(text, "requested access to the resource is denied") || strings.Contains(text, "no such image")
}

type phrase struct {
	check Check
	err   error
	any   []string // lower case
}

// phrases are in the order in which they are looked for: an answer often names several things ("failed to
// resolve reference …: dial tcp: lookup …: i/o timeout"), and the one that explains the others comes first.
func phrases() []phrase {
	return []phrase{
		{"", ErrDigestMismatch, []string{
			"verification failed for digest", "digest mismatch", "digest does not match", "unexpected commit digest",
			"does not match digest", "unexpected digest", "wrong diff id", "is damaged in the registry", "unpacked it has digest",
		}},
		{CheckManifest, ErrNoPlatform, []string{
			"no matching manifest", "no match for platform", "does not match the specified platform",
			"does not provide the specified platform", "no matching platform",
		}},
		{CheckDisk, ErrDiskFull, []string{"no space left", "disk quota exceeded"}},
		{CheckTLS, ErrUntrusted, []string{
			"x509:", "gave http response to https client", "offers plain http", "does not look like a tls handshake",
			"remote error: tls:", "bad certificate",
		}},
		{CheckManifest, ErrRejected, []string{"unsupported manifest", "invalid reference format"}},
		{CheckDNS, ErrNetwork, []string{
			"no such host", "server misbehaving", "failure in name resolution", "dial tcp: lookup ", "name or service not known",
		}},
		{CheckAnswer, ErrRateLimited, []string{"toomanyrequests", "too many requests", "rate limit"}},
		{CheckTCP, ErrNetwork, []string{
			"connection refused", "no route to host", "network is unreachable", "host is unreachable", "connection reset",
			"i/o timeout", "handshake timeout", "connection timed out", "client.timeout exceeded", "broken pipe",
			"request canceled while waiting for connection", "context deadline exceeded", "unexpected eof", ": eof",
			"httpreadseeker: failed open", "server closed idle connection",
		}},
		{CheckAnswer, ErrNetwork, []string{
			"500 internal server error", "502 bad gateway", "503 service unavailable", "504 gateway",
		}},
		{CheckAuth, ErrUnauthorised, []string{
			"unauthorized", "authentication required", "access denied", "denied:", "no basic auth credentials",
			"authorization failed", "403 forbidden", "401 ", "requested access to the resource is denied",
		}},
		{CheckManifest, ErrNotFound, []string{
			"manifest unknown", "manifest_unknown", "name unknown", "name_unknown", "not found", "does not exist", "no such image",
			"unknown name", "404 ",
		}},
	}
}
