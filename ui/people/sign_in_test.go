package people

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func TestAWrongWordAndAnUnknownNameAreTheSame(t *testing.T) {
	at := newClock()
	h := house(t, "", at)
	yes := true
	require.NoError(t, h.AddUser(t.Context(), "root", Admin, secretWord))
	require.NoError(t, h.AddUser(t.Context(), "kim", Viewer, secretWord))
	require.NoError(t, h.AddUser(t.Context(), "gone", Viewer, secretWord))
	require.NoError(t, h.EditUser(t.Context(), "gone", Edit{Disabled: &yes}))
	var texts []string
	for _, name := range []string{"kim", "nobody", "gone"} {
		_, _, err := h.SignIn(t.Context(), name, "wrong wrong wrong", "a", "")
		require.ErrorIs(t, err, fault.ErrUnauthorised)
		texts = append(texts, err.Error())
	}
	require.Equal(t, texts[0], texts[1])
	require.Equal(t, texts[0], texts[2])
	_, _, err := h.SignIn(t.Context(), "gone", secretWord, "a", "")
	require.ErrorIs(t, err, fault.ErrUnauthorised, "the right password of a disabled user")
}

func TestUnknownNamesTakeAsLong(t *testing.T) {
	h := newHasher(cost{memory: 8 << 10, passes: 2, threads: 1})
	hash, err := h.make(t.Context(), secretWord)
	require.NoError(t, err)
	measure := func(hash string) time.Duration {
		least := time.Hour
		for range 5 {
			began := time.Now()
			_, _, err := h.check(t.Context(), "wrong", hash)
			require.NoError(t, err)
			least = min(least, time.Since(began))
		}
		return least
	}
	known, unknown := measure(hash), measure("")
	require.Greater(t, unknown, known/3)
	require.Less(t, unknown, known*3)
}

func TestGuessingIsSlow(t *testing.T) {
	at := newClock()
	h := house(t, "", at)
	require.NoError(t, h.AddUser(t.Context(), "kim", Admin, secretWord))
	tries := func(name, address string) (n int, last error) {
		for n < 1000 {
			_, _, last = h.SignIn(t.Context(), name, "wrong wrong wrong", address, "")
			if !isLater(last) {
				n++
				continue
			}
			break
		}
		return n, last
	}
	n, err := tries("kim", "10.0.0.1")
	require.Equal(t, triesOfName, n)
	var later *fault.RetryAfter
	require.ErrorAs(t, err, &later)
	require.Equal(t, tryOfName, later.After)
	require.EqualError(t, err, "rate limit: too many tries; wait 10 s")
	_, _, err = h.SignIn(t.Context(), "kim", secretWord, "10.0.0.2", "")
	require.ErrorIs(t, err, fault.ErrRateLimited, "from elsewhere too")
	n, _ = tries("nobody", "10.0.0.3")
	require.Equal(t, triesOfName, n, "the same for a name that nobody has")

	at.add(tryOfName)
	_, _, err = h.SignIn(t.Context(), "kim", secretWord, "10.0.0.2", "")
	require.NoError(t, err)
	n = 0
	for i := range 1000 {
		if _, _, err := h.SignIn(t.Context(), "n"+strings.Repeat("i", i%40)+string(rune('a'+i/40)), "x", "10.0.0.4", ""); isLater(err) {
			break
		}
		n++
	}
	require.Equal(t, triesOfAddress, n, "many names from one address")
}

func isLater(err error) bool {
	return err != nil && strings.Contains(err.Error(), "too many tries")
}

func TestLimitsForgetWhoIsQuiet(t *testing.T) {
	l, at := newLimits(), newClock()
	for i := range 3 * mostLimits {
		at.add(time.Millisecond)
		require.NoError(t, l.try(at.now(), time.Duration(i).String(), time.Duration(i).String()))
		require.LessOrEqual(t, len(l.seen), mostLimits+2)
	}
}
