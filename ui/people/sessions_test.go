package people

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASessionOutlivesARestartAndEndsByItself(t *testing.T) {
	folder, at := t.TempDir(), newClock()
	h := house(t, folder, at)
	require.NoError(t, h.AddUser(t.Context(), "Kim", Operator, secretWord))
	secret, _, err := h.SignIn(t.Context(), "kIM", secretWord, "10.0.0.9", "Firefox")
	require.NoError(t, err)
	body, err := os.ReadFile(filepath.Join(folder, "sessions.json"))
	require.NoError(t, err)
	require.NotContains(t, string(body), secret, "only its hash is kept")

	h = house(t, folder, at)
	require.Equal(t, Person{Name: "Kim", Role: Operator, By: BySession}, who(t, h, secret))
	require.Empty(t, who(t, h, secret+"x").Role)
	at.add(DefaultIdle + time.Second)
	require.Empty(t, who(t, h, secret).Role, "it was not used for too long")

	secret, _, err = h.SignIn(t.Context(), "kim", secretWord, "10.0.0.9", "Firefox")
	require.NoError(t, err)
	for range int(DefaultMost/DefaultIdle) * 2 {
		at.add(DefaultIdle / 2)
		who(t, h, secret)
	}
	require.Equal(t, Operator, who(t, h, secret).Role)
	at.add(time.Minute)
	require.Empty(t, who(t, h, secret).Role, "no session lasts for ever")
}

func TestWhatEndsASessionEndsWhatIsServedToIt(t *testing.T) {
	yes := true
	viewer, word := Viewer, "another long word"
	for name, end := range map[string]func(*House, string) error{
		"signing out":      func(h *House, secret string) error { return h.SignOut(secret) },
		"a new password":   func(h *House, _ string) error { return h.EditUser(t.Context(), "kim", Edit{Password: &word}) },
		"the own change":   func(h *House, _ string) error { return h.ChangePassword(t.Context(), "kim", "a", secretWord, word) },
		"another role":     func(h *House, _ string) error { return h.EditUser(t.Context(), "kim", Edit{Role: &viewer}) },
		"being disabled":   func(h *House, _ string) error { return h.EditUser(t.Context(), "kim", Edit{Disabled: &yes}) },
		"being removed":    func(h *House, _ string) error { return h.RemoveUser("kim") },
		"an admin's click": func(h *House, _ string) error { return h.EndSession(h.Sessions("")[0].ID) },
	} {
		t.Run(name, func(t *testing.T) {
			at := newClock()
			h := house(t, t.TempDir(), at)
			require.NoError(t, h.AddUser(t.Context(), "root", Admin, secretWord))
			require.NoError(t, h.AddUser(t.Context(), "kim", Operator, secretWord))
			other, _, err := h.SignIn(t.Context(), "root", secretWord, "b", "")
			require.NoError(t, err)
			at.add(time.Second)
			secret, _, err := h.SignIn(t.Context(), "kim", secretWord, "a", "")
			require.NoError(t, err)
			_, key, err := h.Who(ask("10.0.0.1"), secret)
			require.NoError(t, err)
			watched, stop := h.Watch(t.Context(), key)
			defer stop()
			require.NoError(t, watched.Err())
			require.NoError(t, end(h, secret))
			require.Error(t, watched.Err(), "the stream ends")
			require.Empty(t, who(t, h, secret).Role)
			require.Equal(t, Admin, who(t, h, other).Role, "other people's sessions go on")
		})
	}
}

func TestAPageThatIsOpenIsInUse(t *testing.T) {
	at := newClock()
	h := house(t, "", at)
	require.NoError(t, h.AddUser(t.Context(), "kim", Admin, secretWord))
	secret, _, err := h.SignIn(t.Context(), "kim", secretWord, "a", "")
	require.NoError(t, err)
	_, key, err := h.Who(ask("10.0.0.1"), secret)
	require.NoError(t, err)
	watched, stop := h.Watch(t.Context(), key)
	defer stop()
	for range 100 {
		at.add(time.Hour)
		h.Sweep()
	}
	require.NoError(t, watched.Err())
	for range 100 {
		at.add(time.Hour)
		h.Sweep()
	}
	require.Error(t, watched.Err(), "after a week it ends all the same")
}
