package aircon

import "github.com/overcloud/overcloud/internal/infrared"

// View is what health pages show.
type View struct {
	Room     string          `json:"room"`
	AC       string          `json:"ac"`
	Revision int64           `json:"revision"`
	Ordered  *infrared.State `json:"ordered,omitempty"`
	// Manual is what a person said on the 2017 way since the last order.
	Manual *infrared.State `json:"manual,omitempty"`
	Wanted *infrared.State `json:"wanted,omitempty"`
	// Sent is what left the transmitter last, with its Standing: "sent", "confirmed", "open" (it cannot be told) or "no effect".
	Sent     *infrared.State `json:"sent,omitempty"`
	Standing string          `json:"standing,omitempty"`
	// Finding is what its air and its power say, in words.
	Finding string `json:"finding,omitempty"`
	// Actual is what it is known to do, by an echo, a hand remote, its air or its power.
	Actual     *infrared.State `json:"actual,omitempty"`
	NoOrders   bool            `json:"no_orders,omitempty"`
	NoReadings bool            `json:"no_readings,omitempty"`
	Unheard    bool            `json:"unheard,omitempty"`   // the alert "infrared" lasts
	NoEffect   bool            `json:"no_effect,omitempty"` // the alert "no-effect" lasts
	Held       bool            `json:"held,omitempty"`      // a command waits for its time or for other limits
	Attempts   int             `json:"attempts"`
	Unread     int             `json:"unread_frames"` // heard, and none of this remote's
	Simulated  bool            `json:"simulated,omitempty"`
}

// View is the machine now.
func (m *Machine) View() View {
	return View{
		Room: m.config.Room, AC: m.config.AC, Revision: m.memory.Revision, Ordered: m.memory.Ordered, Manual: m.memory.Manual,
		Wanted: m.memory.Wanted, Sent: m.told(), Standing: m.Standing(), Finding: m.watch.finding.Why, Actual: m.memory.Actual,
		NoOrders: m.noOrders, NoReadings: m.noReadings, Unheard: m.alert != nil, NoEffect: m.watch.alert != nil,
		Held: m.held != nil, Attempts: m.round.attempts, Unread: m.unread, Simulated: m.config.Simulated,
	}
}
