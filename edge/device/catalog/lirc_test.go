package catalog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
	"github.com/overcloud/overcloud/internal/lirc/lirctest"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestInfraredIsOpenedByItsAddress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lg.conf")
	lg, err := infrared.ByName("lg")
	if err != nil {
		t.Fatal(err)
	}
	remote, err := lirc.FromProfile(lg, "my-lg")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := remote.Write(&text, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &lirctest.Device{Features: lirc.CanSendPulse | lirc.CanHear}
	c := Catalog{Blaster: d.Open}
	for _, ac := range []spec.AirConditioner{
		{Name: "ac1", Remote: "lg", Transmitter: "/dev/lirc0", Receiver: "/dev/lirc1"},
		{Name: "ac1", Remote: path + "#my-lg", Transmitter: "/dev/lirc0", Receiver: "lircd:"},
		{Name: "ac1", Remote: path + "#my-lg", Transmitter: "lircd:", Receiver: "/dev/lirc1"},
	} {
		if transmitter, receiver, err := c.Infrared("room", ac); err != nil || transmitter == nil || receiver == nil {
			t.Errorf("%+v: %v", ac, err)
		}
	}
	if _, receiver, err := c.Infrared("room", spec.AirConditioner{Remote: "lg", Transmitter: "/dev/lirc0"}); err != nil || receiver != nil {
		t.Errorf("a receiver that nobody named: %v %v", receiver, err)
	}
	if d.Opened() != 0 {
		t.Error("opening an address touched the device")
	}
	for want, ac := range map[string]spec.AirConditioner{
		"edge lircd-conf --remote lg":    {Name: "ac1", Remote: "lg", Transmitter: "lircd:"},
		"has no remote \"other\"":        {Name: "ac1", Remote: path + "#other", Transmitter: "lircd:"},
		"receiver: \"gpio:4\"":           {Name: "ac1", Remote: "lg", Transmitter: "/dev/lirc0", Receiver: "gpio:4"},
		"transmitter \"gpio:4\"":         {Name: "ac1", Remote: "lg", Transmitter: "gpio:4"},
		"remote \"lgg\" is not known":    {Name: "ac1", Remote: "lgg", Transmitter: "/dev/lirc0"},
		"path of lircd's socket must be": {Name: "ac1", Remote: path + "#my-lg", Transmitter: "lircd:tmp"},
	} {
		_, _, err := c.Infrared("room", ac)
		if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "air conditioner ac1: ") {
			t.Errorf("%v\nnot: %s", err, want)
		}
	}
}
