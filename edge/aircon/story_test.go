package aircon

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

var update = flag.Bool("update", false, "write the golden texts anew")

// Each story is an air conditioner's day in a simulated room; its golden text is what the edge did and said, and why.
func TestStories(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]func(t *testing.T) *plant{
		"supply air confirms that it was switched on": func(t *testing.T) *plant {
			p := newPlant(t, 1, deaf, withSupply)
			p.hand(infrared.State{}, false)
			p.run(4 * time.Minute)
			p.order(1, 24, "")
			p.run(10 * time.Minute)
			return p
		},
		"a power meter confirms that it was switched off": func(t *testing.T) *plant {
			p := newPlant(t, 2, deaf, withMeter, withSupply)
			p.order(1, 20, "")
			p.run(10 * time.Minute)
			c := command(2, 0)
			c.Power = false
			p.command(c)
			p.run(10 * time.Minute)
			return p
		},
		"a room at its setpoint cannot tell, and later it can": func(t *testing.T) *plant {
			p := newPlant(t, 3, deaf, withSupply, withMeter)
			p.order(1, 20, "")
			p.run(20 * time.Minute)
			p.order(2, 24, "")
			p.run(20 * time.Minute)
			return p
		},
		"a lost frame is sent again": func(t *testing.T) *plant {
			p := newPlant(t, 4, deaf, withSupply, withMeter)
			p.hand(infrared.State{}, false)
			p.run(4 * time.Minute)
			p.loss = 1
			p.order(1, 22, "")
			p.run(time.Minute)
			p.loss = 0
			p.run(12 * time.Minute)
			return p
		},
		"a machine that echoes and does nothing": func(t *testing.T) *plant {
			p := newPlant(t, 5, withSupply)
			p.order(1, 22, "")
			p.run(15 * time.Minute)
			require.NoError(t, p.model.Fail("ac1", true))
			p.say("the compressor fails")
			p.run(30 * time.Minute)
			require.NoError(t, p.model.Fail("ac1", false))
			p.say("it is repaired")
			p.run(15 * time.Minute)
			return p
		},
		"somebody switches it off unseen": func(t *testing.T) *plant {
			p := newPlant(t, 6, deaf, withSupply, withMeter)
			p.order(1, 22, "")
			p.run(22 * time.Minute)
			p.hand(infrared.State{}, false)
			p.run(20 * time.Minute)
			return p
		},
		"nobody hears its frames": func(t *testing.T) *plant {
			p := newPlant(t, 7)
			p.loss, p.deafness = 1, 1
			p.order(1, 22, "")
			p.run(8 * time.Minute)
			p.loss, p.deafness = 0, 0
			p.run(5 * time.Minute)
			return p
		},
		"nothing near it is measured": func(t *testing.T) *plant {
			p := newPlant(t, 8, deaf)
			p.blind = true
			p.order(1, 22, "")
			p.run(45 * time.Minute)
			return p
		},
		"the rules are too fast": func(t *testing.T) *plant {
			p := newPlant(t, 9)
			p.order(1, 22, "")
			p.run(20 * time.Minute)
			p.order(2, 23, wire.OriginRules)
			p.run(10 * time.Minute)
			p.order(3, 24, wire.OriginRules)
			p.run(time.Minute)
			p.order(4, 21, wire.OriginRules)
			p.run(time.Minute)
			p.order(5, 24, wire.OriginRules)
			p.run(15 * time.Minute)
			p.order(6, 22, wire.OriginRules)
			p.run(time.Minute)
			return p
		},
		"people press many buttons": func(t *testing.T) *plant {
			p := newPlant(t, 10)
			p.order(1, 22, wire.OriginPerson)
			p.run(10 * time.Second)
			p.order(2, 25, wire.OriginPerson)
			p.run(10 * time.Second)
			p.order(3, 26, wire.OriginPerson)
			p.run(10 * time.Second)
			p.order(2, 25, wire.OriginPerson)
			p.run(time.Minute)
			p.order(4, 27, wire.OriginPerson)
			p.order(5, 20, wire.OriginPerson)
			p.run(10 * time.Second)
			c := command(6, 0)
			c.Power = false
			p.command(c)
			p.run(6 * time.Minute)
			return p
		},
		"readings fail, then orders, then both are back": func(t *testing.T) *plant {
			p := newPlant(t, 11)
			p.do(p.m.Resume(p.now))
			p.order(1, 26, "")
			p.run(2 * time.Minute)
			p.do(p.m.Blind(p.now, 22))
			p.run(time.Minute)
			p.do(p.m.FailSafe(p.now, 18))
			p.run(time.Minute)
			p.do(p.m.Sighted(p.now))
			p.run(time.Minute)
			p.order(2, 25, "")
			p.do(p.m.Resume(p.now))
			p.run(2 * time.Minute)
			return p
		},
		"the edge stops and starts": func(t *testing.T) *plant {
			p := newPlant(t, 12)
			p.do(p.m.Resume(p.now))
			p.order(1, 26, "")
			p.run(2 * time.Minute)
			p.say("stop")
			p.do(p.m.Farewell(p.now, 22))
			p.run(time.Second)
			p.restart()
			p.run(20 * time.Second)
			p.say("lease")
			p.do(p.m.Resume(p.now))
			p.run(2 * time.Minute)
			return p
		},
		"an order by CoAP holds until the next command": func(t *testing.T) *plant {
			p := newPlant(t, 13)
			p.do(p.m.Resume(p.now))
			p.order(1, 24, "")
			p.run(2 * time.Minute)
			for _, setpoint := range []int{20, 17, 26, 0} {
				p.say("coap: on, %d", setpoint)
				e, err := p.m.Manual(p.now, true, setpoint)
				if err != nil {
					p.say("refused: %v", err)
				}
				p.do(e)
				p.run(10 * time.Second)
			}
			p.restart()
			p.run(time.Minute)
			p.order(2, 24, "")
			p.run(time.Minute)
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tell(t)
			got := strings.Join(p.log, "\n") + "\n"
			path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
				return
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}
