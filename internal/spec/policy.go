package spec

import "time"

// Policy is every number that cooling decides by. Temperatures are °C at the inlet unless they are
// setpoints. Defaults are from the project's reference on cooling: ASHRAE TC 9.9 2021 recommends 18 to
// 27 °C at the inlet; the rule "+1 after 15 min below the band, -1 each 5 min above it, -2 at once above
// 27.5" needed no commands at steady state in simulation.
type Policy struct {
	BandLow  float64 `json:"band_low"`  // below it for UpEvery: raise
	BandHigh float64 `json:"band_high"` // above it: lower
	Warn     float64 `json:"warn"`      // alert "warm" after 5 min
	High     float64 `json:"high"`      // alert "high" and emergency after 1 min
	Critical float64 `json:"critical"`  // alert "critical" and emergency at once

	SetpointMin   int `json:"setpoint_min"`
	SetpointMax   int `json:"setpoint_max"`
	SetpointStart int `json:"setpoint_start"` // told when tuning begins and nothing is known
	FailCold      int `json:"fail_cold"`      // told when no sensor can be trusted

	UpStep        int      `json:"up_step"`
	UpEvery       Duration `json:"up_every"`
	DownStep      int      `json:"down_step"`
	DownEvery     Duration `json:"down_every"`
	FastDownAbove float64  `json:"fast_down_above"`
	FastDownStep  int      `json:"fast_down_step"`
	FastDownEvery Duration `json:"fast_down_every"` // at the least between two fast steps

	SampleEvery Duration `json:"sample_every"` // the edge's sampling interval
	StaleAfter  Duration `json:"stale_after"`  // a reading older than this is no reading

	EvidenceWindow Duration `json:"evidence_window"` // to wait for a confirmation before sending again
	ResendMost     int      `json:"resend_most"`     // then alert
	RefreshEvery   Duration `json:"refresh_every"`   // the edge repeats its last full state
	LeaseTTL       Duration `json:"lease_ttl"`       // no lease for this long: the edge fails cold
	CommandEvery   Duration `json:"command_every"`   // the edge's least pause before a machine is made warmer again
	OverrideMost   Duration `json:"override_most"`   // longest override
}

// DefaultPolicy is the policy of a room that states none.
func DefaultPolicy() Policy {
	return Policy{
		BandLow: 25.0, BandHigh: 26.5, Warn: 27, High: 30, Critical: 32,
		SetpointMin: 18, SetpointMax: 27, SetpointStart: 24, FailCold: 22,
		UpStep: 1, UpEvery: minutes(15), DownStep: 1, DownEvery: minutes(5),
		FastDownAbove: 27.5, FastDownStep: 2, FastDownEvery: minutes(1),
		SampleEvery: Duration(10 * time.Second), StaleAfter: Duration(90 * time.Second),
		EvidenceWindow: minutes(5), ResendMost: 3, RefreshEvery: minutes(20),
		LeaseTTL: minutes(5), CommandEvery: minutes(1), OverrideMost: minutes(24 * 60),
	}
}

func minutes(n int) Duration { return Duration(time.Duration(n) * time.Minute) }
