package people

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func TestStrangersDoNotFillTheAudit(t *testing.T) {
	at := newClock()
	h := house(t, "", at)
	for range 500 {
		require.NoError(t, h.AddStranger(Deed{At: at.now(), What: "sign in", Outcome: "refused"}))
	}
	deeds, err := h.Journal.Page(0, 1000)
	require.NoError(t, err)
	require.Len(t, deeds, strangersAtOnce)
	at.add(strangerEvery)
	require.NoError(t, h.AddStranger(Deed{At: at.now(), What: "sign in", Outcome: "refused"}))
	deeds, err = h.Journal.Page(0, 1)
	require.NoError(t, err)
	require.Equal(t, "refused (460 more like it before are not listed)", deeds[0].Outcome)
}

func TestWhoGuessesFromElsewhereDoesNotKeepTheOwnerOut(t *testing.T) {
	at := newClock()
	h := house(t, "", at)
	require.NoError(t, h.AddUser(t.Context(), "kim", Admin, secretWord))
	_, _, err := h.SignIn(t.Context(), "Kim", secretWord, "10.0.0.1", "")
	require.NoError(t, err)
	for range triesOfName {
		_, _, err = h.SignIn(t.Context(), "kim", "wrong wrong wrong", "203.0.113.9", "")
		require.ErrorIs(t, err, fault.ErrUnauthorised)
	}
	_, _, err = h.SignIn(t.Context(), "kim", secretWord, "203.0.113.9", "")
	require.ErrorIs(t, err, fault.ErrRateLimited)
	_, _, err = h.SignIn(t.Context(), "kim", secretWord, "10.0.0.1", "")
	require.NoError(t, err, "where kim has a session")
	n := 0
	for ; n < 100; n++ {
		if _, _, err = h.SignIn(t.Context(), "kim", "wrong wrong wrong", "10.0.0.1", ""); isLater(err) {
			break
		}
	}
	require.LessOrEqual(t, n, triesOfName, "guesses from there are bounded too")
}

func TestTheOpenDoorIsShutToProxies(t *testing.T) {
	h := house(t, "", newClock(), func(r *Rules) { r.SignIn, r.Listen = SignInAuto, "127.0.0.1:8080" })
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"} {
		person, _, err := h.Who(ask("127.0.0.1:8080", header, "203.0.113.9"), "")
		require.ErrorIs(t, err, fault.ErrUnauthorised, header)
		require.Empty(t, person.Role)
	}
}

func TestCodesAreFound(t *testing.T) {
	h := house(t, "", newClock())
	require.Regexp(t, Codes(), `{"msg":"nobody can sign in yet","code":"`+h.code+`"}`)
	require.NotRegexp(t, Codes(), "a line of a log, 2026-11-24 ABCD-EFGH")
}

func TestAnIPv6CustomerIsOneAddress(t *testing.T) {
	l, at := newLimits(), newClock()
	n := 0
	for ; n < 1000; n++ {
		if l.try(at.now(), fmt.Sprint("name", n), fmt.Sprintf("2001:db8::%x", n+1)) != nil {
			break
		}
	}
	require.Equal(t, triesOfAddress, n)
	require.NoError(t, l.try(at.now(), "another", "2001:db8:0:1::1"), "of another network")
	require.Equal(t, "10.0.0.7", network("10.0.0.7"))
	require.Equal(t, "a", network("a"))
}
