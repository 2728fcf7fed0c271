package compose

import (
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// history reads how long readings are kept.
func (l *loader) history(s *section) spec.History {
	var h spec.History
	s.span("raw", &h.Raw)
	s.span("minutes", &h.Minutes)
	s.span("hours", &h.Hours)
	s.span("late", &h.Late)
	s.duration("every", &h.Every)
	h.Off = s.yes("off")
	s.done()
	return h
}

// span reads a duration that may be long: 90d, 2y (of 365 days), forever, or as duration does.
func (s *section) span(key string, to *spec.Duration) {
	value, ok := s.take(key)
	if !ok {
		return
	}
	text, _ := value.(string)
	if text == "forever" {
		*to = spec.Forever
		return
	}
	for unit, length := range map[string]spec.Duration{"d": spec.Duration(24 * time.Hour), "y": spec.Duration(365 * 24 * time.Hour)} {
		number, found := strings.CutSuffix(text, unit)
		if n, err := strconv.Atoi(number); found && err == nil && n > 0 && n <= int(spec.Forever/length) {
			*to = spec.Duration(n) * length
			return
		}
	}
	if d, err := time.ParseDuration(text); err == nil {
		*to = spec.Duration(d)
		return
	}
	s.wrong(key, "a duration with its unit (90d, 2y, 48h) or forever", value)
}
