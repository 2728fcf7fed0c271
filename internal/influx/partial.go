package influx

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
)

// Partial is a write of which InfluxDB took a part: an ErrRejected that says which lines it means, as far as the
// server said so.
type Partial struct {
	// Dropped is how many lines were not taken. There may be more: of several reasons the server tells one.
	Dropped int
	// TooOld says that they are older than the bucket's retention: the oldest of the batch.
	TooOld bool
	// Measurement and Field name a field that has another type already; empty when the reason is another one.
	Measurement, Field string

	says string
}

// Error is the server's own words.
func (p *Partial) Error() string { return fault.ErrRejected.Error() + ": " + p.says }

// Unwrap is ErrRejected.
func (p *Partial) Unwrap() error { return fault.ErrRejected }

// newPartial reads the server's words: of 1.8 and 2.x ("dropped=3"), and of newer 2.x ("dropped 3 points outside
// retention policy of duration …"). It is nil when they name no number.
func newPartial(says string) *Partial {
	dropped := regexp.MustCompile(`dropped[= ](\d+)`).FindStringSubmatch(says)
	if dropped == nil {
		return nil
	}
	n, err := strconv.Atoi(dropped[1])
	if err != nil || n == 0 {
		return nil
	}
	p := &Partial{Dropped: n, says: says}
	p.TooOld = strings.Contains(says, "beyond retention policy") || strings.Contains(says, "outside retention policy")
	if field := regexp.MustCompile(`input field "(.+)" on measurement "(.+)" is type`).FindStringSubmatch(says); field != nil {
		p.Field, p.Measurement = field[1], field[2]
	}
	return p
}
