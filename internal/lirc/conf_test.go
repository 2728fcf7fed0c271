package lirc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

const airConditioner = `
# recorded by hand
begin remote
  name  my-ac
  flags RAW_CODES
  eps 30
  aeps 100
  gap 40000
  frequency 36000
  duty_cycle 33
      begin raw_codes
          name SET_18
             8500    4250     550    1600     550     550
             550
          name SET_19
             8500 4250 550 550 550 1600 550
          name POWER_OFF
             8500 4250 550 550 550
      end raw_codes
end remote
`

func TestARemoteWithRawCodesIsRead(t *testing.T) {
	remotes, err := Parse(strings.NewReader(airConditioner), "my.conf")
	if err != nil {
		t.Fatal(err)
	}
	r := remotes[0]
	if r.Name != "my-ac" || r.CarrierHz != 36_000 || r.Duty != 33 || r.Gap != 40_000 || len(r.Keys) != 3 || r.Line != 3 {
		t.Errorf("%+v", r)
	}
	if k, _ := r.Key("set_18"); !reflect.DeepEqual(k.Pulses, []int{8500, 4250, 550, 1600, 550, 550, 550}) || k.Line != 12 {
		t.Errorf("%+v", k)
	}
	profile, err := r.Profile()
	if err != nil {
		t.Fatal(err)
	}
	frame, err := profile.Encode(infrared.State{Power: true, Setpoint: 19}, nil)
	if err != nil || frame.Remote != "my-ac" || !slices.Equal(frame.Keys, []string{"SET_19"}) || len(frame.Pulses) != 7 || frame.CarrierHz != 36_000 {
		t.Errorf("%+v %v", frame, err)
	}
}

func TestEveryMistakeIsToldWithItsLine(t *testing.T) {
	raw := func(lines string) string {
		return "begin remote\nname a\ngap 1\nbegin raw_codes\n" + lines + "\nend raw_codes\nend remote\n"
	}
	head := func(lines string) string {
		return "begin remote\nname a\n" + lines + "\nbegin codes\nA 1\nend codes\nend remote\n"
	}
	for name, c := range map[string]struct{ text, want string }{
		"a word outside":           {"hello\n", `x:1: "hello" is not expected outside of a remote`},
		"an end without begin":     {"end remote\n", "x:1: end remote is not expected here"},
		"a remote in a remote":     {"begin remote\nbegin remote\n", "x:2: begin remote is not expected here"},
		"raw codes outside":        {"begin raw_codes\n", "x:1: begin raw_codes is not expected here"},
		"no end":                   {"begin remote\nname a\n", "x:2: the file ends inside of the remote that began in line 1"},
		"no name":                  {"begin remote\nbegin codes\nA 1\nend codes\nend remote\n", "x:1: the remote has no name"},
		"no keys":                  {"begin remote\nname a\nend remote\n", `x:1: remote "a" has no keys`},
		"two remotes of a name":    {raw("name A\n1") + raw("name A\n1"), `x:9: there are two remotes "a"`},
		"two keys of a name":       {raw("name A\n1\nname a\n1"), `x:7: there are two keys "a"`},
		"an even number":           {raw("name A\n1 2"), "x:5: key A has 2 lengths; it must begin and end with a pulse"},
		"an even number, not last": {raw("name A\n1 2\nname B\n1"), "x:5: key A has 2 lengths; it must begin and end with a pulse"},
		"no lengths":               {raw("name A"), "x:5: key A has 0 lengths"},
		"zero":                     {raw("name A\n1 0 1"), `x:6: "0" of key A is no length in µs`},
		"a negative length":        {raw("name A\n1 -5 1"), `x:6: "-5" of key A is no length in µs`},
		"too long a length":        {raw("name A\n99999999"), `x:6: "99999999" of key A is no length in µs`},
		"a word for a length":      {raw("name A\n1 x 1"), `x:6: "x" of key A is no length in µs`},
		"lengths without a name":   {raw("1 2 3"), `x:5: "1" is no name: a key begins with name and its name`},
		"a key without a name":     {raw("name\n1"), "x:5: name needs the name of a key"},
		"an unknown word":          {head("colour red"), `x:3: "colour" is unknown`},
		"too few values":           {head("header 9000"), "x:3: header needs 2 value(s)"},
		"a word for a number":      {head("gap long"), `x:3: "long" of gap is no number`},
		"a number too large":       {head("min_repeat 100000"), "x:3: min_repeat 100000 is too large"},
		"a pulse too long":         {head("one 560 99999999999"), "x:3: one 560 99999999999 is too large"},
		"an unknown flag":          {head("flags RAW|NICE"), `x:3: flag "RAW" is unknown`},
		"a carrier of nothing":     {head("frequency 0"), `x:1: remote "a": frequency 0 is no carrier in Hz`},
		"a code that is a word":    {"begin remote\nname a\nbegin codes\nB red\nend codes\nend remote\n", `x:4: "red" is no code of key B`},
		"a code that is missing":   {"begin remote\nname a\nbegin codes\nA\nend codes\nend remote\n", "x:4: key A has no code"},
		"an include of nothing":    {"include\n", "x:1: include needs a path in double quotes"},
		"an include without marks": {"include other.conf\n", "x:1: include needs a path in double quotes"},
		"an include that is away":  {`include "/nonexistent/a.conf"` + "\n", "x:1: there is no file /nonexistent/a.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(strings.NewReader(c.text), "x")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nnot: %s", err, c.want)
			}
			if !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
		})
	}
}

func TestAllMistakesAreFoundAtOnceButNotWithoutEnd(t *testing.T) {
	_, err := Parse(strings.NewReader("a\nb\n\nc\n"), "x")
	if got := strings.Count(err.Error(), "x:"); got != 3 {
		t.Errorf("%d mistakes: %v", got, err)
	}
	_, err = Parse(strings.NewReader(strings.Repeat("a\n", 10_000)), "x")
	if got := strings.Count(err.Error(), "\n"); got > mostMistakes+1 {
		t.Errorf("%d lines of mistakes", got)
	}
}

func TestIncludesAreFollowed(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	top := write("lircd.conf", "include \"conf.d/*.conf\"\ninclude \"none/*.conf\"\n"+strings.Replace(airConditioner, "my-ac", "top", 1))
	write("conf.d/a.conf", airConditioner)
	write("conf.d/b.conf", strings.Replace(airConditioner, "my-ac", "b", 1))
	remotes, err := Load(top)
	if err != nil || len(remotes) != 3 || remotes[0].Name != "my-ac" || remotes[2].Name != "top" || remotes[2].Line != 5 {
		t.Errorf("%v %v", remotes, err)
	}
	if r, err := Find(top, "b"); err != nil || r.File != filepath.Join(dir, "conf.d/b.conf") {
		t.Errorf("%v %v", r.File, err)
	}
	if _, err := Find(top, "c"); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "my-ac, b, top") {
		t.Errorf("%v", err)
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}

	write("conf.d/bad.conf", "begin remote\nname c\n")
	if _, err := Load(top); err == nil || !strings.Contains(err.Error(), "bad.conf:2: the file ends inside") {
		t.Errorf("%v", err)
	}
	circle := write("circle.conf", "include \"circle.conf\"\n")
	if _, err := Load(circle); err == nil || !strings.Contains(err.Error(), "circle.conf:1: includes are nested more than 10 deep") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for _, name := range infrared.Names() {
		profile, err := infrared.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := FromProfile(profile, name)
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		var file bytes.Buffer
		if err := r.Write(&file, "one\ntwo"); err != nil {
			t.Fatal(err)
		}
		back, err := Parse(&file, "x")
		if err != nil {
			t.Fatal(err)
		}
		if len(back) != 1 || back[0].Name != name || back[0].CarrierHz != r.CarrierHz || len(back[0].Keys) != len(r.Keys) {
			t.Fatalf("%s: %+v", name, back)
		}
		for i, k := range back[0].Keys {
			if k.Name != r.Keys[i].Name || !slices.Equal(k.Pulses, r.Keys[i].Pulses) {
				t.Errorf("%s: %s is not what was written", name, k.Name)
			}
			state, _, err := profile.Decode(infrared.Frame{CarrierHz: r.CarrierHz, Pulses: k.Pulses})
			if want := "off"; k.Name != "POWER_OFF" {
				want = fmt.Sprintf("cool %s °C, fan auto", k.Name[4:])
				if err != nil || state.String() != want {
					t.Errorf("%s: %s says %s, %v", name, k.Name, state, err)
				}
			} else if err != nil || state.String() != want {
				t.Errorf("%s: %s says %s, %v", name, k.Name, state, err)
			}
		}
		if _, err := back[0].Profile(); err != nil {
			t.Error(err)
		}
	}
}

func TestARemoteThatLircdCannotSendIsRefused(t *testing.T) {
	long := make([]int, 583)
	for i := range long {
		long[i] = 900
	}
	many := slices.Repeat([]int{50}, 1025)
	for want, r := range map[string]Remote{
		"no space of 5000 µs to split at": {Name: "a", CarrierHz: 38_000, Keys: []Key{{Name: "SET_18", Pulses: long}}},
		"1025 entries":                    {Name: "a", CarrierHz: 38_000, Keys: []Key{{Name: "SET_18", Pulses: many}}},
		"begin and end with a mark":       {Name: "a", CarrierHz: 38_000, Keys: []Key{{Name: "SET_18", Pulses: []int{1, 2}}}},
		"entry 1 lasts 0 µs":              {Name: "a", CarrierHz: 38_000, Keys: []Key{{Name: "SET_18", Pulses: []int{1, 0, 1}}}},
		"carrier 1 Hz":                    {Name: "a", CarrierHz: 1, Keys: []Key{{Name: "SET_18", Pulses: []int{1}}}},
		`"my ac" is no name`:              {Name: "my ac", CarrierHz: 38_000, Keys: []Key{{Name: "SET_18", Pulses: []int{1}}}},
		`"#1" is no name for a key`:       {Name: "a", CarrierHz: 38_000, Keys: []Key{{Name: "#1", Pulses: []int{1}}}},
		`"end" is no name for a key`:      {Name: "a", CarrierHz: 38_000, Keys: []Key{{Name: "end", Pulses: []int{1}}}},
		"remote a has two keys set_18":    {Name: "a", CarrierHz: 38_000, Keys: []Key{{Name: "SET_18", Pulses: []int{1}}, {Name: "set_18", Pulses: []int{1}}}},
		"remote a has no keys":            {Name: "a", CarrierHz: 38_000},
	} {
		var out bytes.Buffer
		err := r.Write(&out, "")
		if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%v\nnot: %s", err, want)
		}
	}
}

func TestWhatLircdCannotSendAtOnceIsSaid(t *testing.T) {
	for want, pulses := range map[string][]int{
		"524.7ms, but lircd gives the kernel a whole key": slices.Repeat([]int{900}, 583),
		"1025 lengths, but":          slices.Repeat([]int{50}, 1025),
		"begin and end with a pulse": {1, 2},
		"a length of 0 µs":           {1, 0, 1},
	} {
		if err := FitsLircd(pulses); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nnot: %s", err, want)
		}
	}
	for _, pulses := range [][]int{{1}, slices.Repeat([]int{488}, 1023), {500_000}} {
		if err := FitsLircd(pulses); err != nil {
			t.Error(err)
		}
	}
}

func TestReferences(t *testing.T) {
	path, remote, err := SplitReference("/etc/lirc/a#b.conf#my-ac")
	if err != nil || path != "/etc/lirc/a#b.conf" || remote != "my-ac" {
		t.Errorf("%s %s %v", path, remote, err)
	}
	for _, bad := range []string{"", "lg", "#a", "/a#", "a#b", "/a"} {
		if _, _, err := SplitReference(bad); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(airConditioner)
	f.Add("begin remote\nname a\nflags SPACE_ENC|REVERSE|CONST_LENGTH\nbits 16\nheader 1 2\none 1 2\nzero 1 1\nptrail 1\ngap 99999\nmin_repeat 3\nbegin codes\nA 0x1 0x2\nB 7\nend codes\nend remote\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			t.Skip() // it would read this machine's files
		}
		remotes, err := Parse(strings.NewReader(text), "x")
		if err != nil {
			return
		}
		for _, r := range remotes {
			for _, k := range r.Keys {
				if (k.Pulses == nil) == (k.Why == "") || slices.Contains(k.Pulses, 0) || (k.Pulses != nil && len(k.Pulses)%2 == 0) {
					t.Fatalf("%+v", k)
				}
			}
			var out bytes.Buffer
			if r.Write(&out, "") != nil {
				continue // lircd reads more than it can send
			}
			back, err := Parse(&out, "y")
			if err != nil || len(back) != 1 || len(back[0].Keys) != len(r.Keys) {
				t.Fatalf("%v\n%+v", err, back)
			}
			for i, k := range r.Keys {
				if !slices.Equal(k.Pulses, back[0].Keys[i].Pulses) {
					t.Fatalf("%+v is read back as %+v", k, back[0].Keys[i])
				}
			}
		}
	})
}
