package people

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/overcloud/overcloud/internal/fault"
)

// How often somebody may try to sign in. A person who mistypes does not notice; who guesses gets 360 tries an hour at
// one name, from wherever, and 1,200 from one address.
const (
	triesOfName    = 8
	tryOfName      = 10 * time.Second
	triesOfAddress = 30
	tryOfAddress   = 3 * time.Second
	mostLimits     = 10_000 // names and addresses that are remembered
)

// limits bounds the tries, by name and by address.
type limits struct {
	mu   sync.Mutex
	seen map[string]*tries
}

type tries struct {
	limiter *rate.Limiter
	last    time.Time
}

func newLimits() *limits { return &limits{seen: map[string]*tries{}} }

// try counts one try. Errors: RetryAfter with ErrRateLimited, the same for names that nobody has.
func (l *limits) try(now time.Time, name, address string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now)
	byName := l.of("name "+strings.ToLower(name), now, tryOfName, triesOfName)
	byAddress := l.of("from "+network(address), now, tryOfAddress, triesOfAddress)
	var wait time.Duration
	for _, limiter := range []*rate.Limiter{byAddress, byName} {
		one := limiter.ReserveN(now, 1)
		if delay := one.DelayFrom(now); delay > 0 {
			one.CancelAt(now)
			wait = max(wait, delay)
		}
	}
	if wait == 0 {
		return nil
	}
	wait = time.Duration(math.Ceil(wait.Seconds())) * time.Second
	return &fault.RetryAfter{Err: fmt.Errorf("%w: too many tries; wait %.0f s", fault.ErrRateLimited, wait.Seconds()), After: wait}
}

// network is what one person has: an IPv6 customer has a /64 of addresses, and another one for each try.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	whole, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return whole.String()
}

// good forgets the tries at a name: its owner is in.
func (l *limits) good(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.seen, "name "+strings.ToLower(name))
}

func (l *limits) of(key string, now time.Time, every time.Duration, burst int) *rate.Limiter {
	one := l.seen[key]
	if one == nil {
		one = &tries{limiter: rate.NewLimiter(rate.Every(every), burst)}
		l.seen[key] = one
	}
	one.last = now
	return one.limiter
}

// forget drops who has been quiet for as long as a full allowance takes to grow again; when that is not enough, the
// quietest half.
func (l *limits) forget(now time.Time) {
	if len(l.seen) < mostLimits {
		return
	}
	for _, quiet := range []time.Duration{2 * time.Minute, time.Minute, 10 * time.Second, 0} {
		for key, one := range l.seen {
			if now.Sub(one.last) >= quiet {
				delete(l.seen, key)
			}
		}
		if len(l.seen) < mostLimits/2 {
			return
		}
	}
}
