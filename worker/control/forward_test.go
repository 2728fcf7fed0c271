package control

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/wire"
)

// An alert that lasts is said again for people's sake; its room's history hears of it when something is new.
func TestAnAlertThatIsSaidAgainIsForwardedOnce(t *testing.T) {
	f := newForwarder(Config{})
	began := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	a := wire.Alert{ID: "hall/warm", Room: "hall", Kind: "warm", Severity: wire.SeverityWarning, BeganMillis: began.UnixMilli(), Source: "control"}
	require.False(t, f.repeats(a))
	f.remember(a)
	again := a
	again.Evidence = "inlet 27.3 °C"
	require.True(t, f.repeats(again))
	require.False(t, f.known(again, time.Now().Add(alertAgain)), "a workflow that began anew hears of it in the end")
	worse := again
	worse.Severity = wire.SeverityHigh
	require.False(t, f.repeats(worse))
	ended := again
	ended.EndedMillis = began.Add(time.Hour).UnixMilli()
	require.False(t, f.repeats(ended))
	f.remember(ended)
	require.False(t, f.repeats(a), "and when it begins once more")
}
