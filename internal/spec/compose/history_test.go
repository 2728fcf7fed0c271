package compose

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

func TestHowLongReadingsAreKeptIsRead(t *testing.T) {
	load := func(history string) (spec.Service, error) {
		text := fmt.Sprintf("name: shop\nservices: {web: {image: \"web:1\"}}\nx-overcloud:\n  history: %s\n", history)
		return Load(context.Background(), Options{Path: "-", Stdin: strings.NewReader(text)})
	}
	const day = spec.Duration(24 * time.Hour)
	service, err := load("{raw: 30d, minutes: 3y, hours: forever, late: 48h, every: 5m, off: true}")
	require.NoError(t, err)
	require.Equal(t, spec.History{Raw: 30 * day, Minutes: 3 * 365 * day, Hours: spec.Forever, Late: 2 * day, Every: spec.Duration(5 * time.Minute), Off: true},
		service.History)
	service, err = load("{}")
	require.NoError(t, err)
	require.Equal(t, spec.History{Raw: 90 * day, Minutes: 730 * day, Hours: spec.Forever, Late: 7 * day, Every: spec.Duration(15 * time.Minute)},
		service.History.WithDefaults())
	service, err = load("{raw: 3y}")
	require.NoError(t, err)
	require.Equal(t, 3*365*day, service.History.WithDefaults().Minutes, "minutes no shorter than raw readings")
	for text, want := range map[string]string{
		"{raw: 1h}":                "raw is 1h, but it must be from 48h to",
		"{raw: soon}":              "raw must be a duration with its unit (90d, 2y, 48h) or forever",
		"{minutes: 30d}":           "", // raw follows
		"{raw: 90d, minutes: 30d}": "minutes are kept for 720h0m0s, but raw readings for 2160h0m0s, which is longer",
		"{hours: 1y, minutes: 2y}": "hours are kept for",
		"{raw: 5d, late: 5d}":      "they must be kept a day longer than that",
		"{every: 2s}":              "every is 2s, but it must be from 1m",
		"{rawe: 5d}":               `unknown key "rawe"`,
	} {
		_, err := load(text)
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, want, text)
	}
}
