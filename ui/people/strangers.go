package people

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What those who are not let in may write into the audit, from however many addresses: its files are bounded, and nobody
// shall push out what people did by trying at the door. One line is at most some 1 KiB, so that they fill a file a week.
const (
	strangersAtOnce = 40
	strangerEvery   = 5 * time.Minute
)

// strangers counts what was left out.
type strangers struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	left    int
}

func newStrangers() *strangers {
	return &strangers{limiter: rate.NewLimiter(rate.Every(strangerEvery), strangersAtOnce)}
}

// note says whether one more is written, and how many before it were not.
func (s *strangers) note(now time.Time) (left int, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.limiter.AllowN(now, 1) {
		s.left++
		return 0, false
	}
	left, s.left = s.left, 0
	return left, true
}

// AddStranger writes what somebody tried who was not let in, unless that was tried too often lately: the next line then
// says how many are left out.
func (h *House) AddStranger(deed Deed) error {
	left, is := h.strangers.note(deed.At)
	if !is {
		return nil
	}
	if left > 0 {
		deed.Outcome += fmt.Sprintf(" (%d more like it before are not listed)", left)
	}
	return h.Journal.Add(deed)
}
