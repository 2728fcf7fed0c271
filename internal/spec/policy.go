package spec

import (
	"reflect"
	"time"
)

// Policy is every number that cooling decides by. Temperatures are °C at the inlet unless they are setpoints. What each
// means, its unit, its range and its default stand in one table, Fields; docs/policy.md is made of it. JSON that leaves a
// field out, since it was written by an older version or changes only a part, leaves it as it was, and where nothing
// was, at its default (see UnmarshalJSON); the zero Policy is none at all.
type Policy struct {
	BandLow  float64 `json:"band_low"`
	BandHigh float64 `json:"band_high"`
	Warn     float64 `json:"warn"`
	High     float64 `json:"high"`
	Critical float64 `json:"critical"`

	SetpointMin   int `json:"setpoint_min"`
	SetpointMax   int `json:"setpoint_max"`
	SetpointStart int `json:"setpoint_start"`
	FailCold      int `json:"fail_cold"`

	UpStep        int      `json:"up_step"`
	UpEvery       Duration `json:"up_every"`
	DownStep      int      `json:"down_step"`
	DownEvery     Duration `json:"down_every"`
	DownAfter     Duration `json:"down_after"`
	HotMargin     float64  `json:"hot_margin"`
	FastDownAbove float64  `json:"fast_down_above"`
	FastDownAfter Duration `json:"fast_down_after"`
	FastDownStep  int      `json:"fast_down_step"`
	FastDownEvery Duration `json:"fast_down_every"`

	HighFor        Duration `json:"high_for"`
	HighHysteresis float64  `json:"high_hysteresis"`
	CoolFor        Duration `json:"cool_for"`

	SampleEvery Duration `json:"sample_every"`
	StaleAfter  Duration `json:"stale_after"`

	EvidenceWindow Duration `json:"evidence_window"`
	ResendMost     int      `json:"resend_most"`
	RefreshEvery   Duration `json:"refresh_every"`
	LeaseTTL       Duration `json:"lease_ttl"`
	CommandEvery   Duration `json:"command_every"`
	OverrideMost   Duration `json:"override_most"`

	// Class is the ASHRAE TC 9.9 (2021) class of what stands in the room, see ClassOf. It bounds Critical, and stands for
	// those of the numbers below it that are zero: see Bounds.
	Class         string  `json:"class"`
	HumidityMost  float64 `json:"humidity_most"`
	DewPointLeast float64 `json:"dew_point_least"`
	DewPointMost  float64 `json:"dew_point_most"`
	RateMost      float64 `json:"rate_most"`
	RateHour      float64 `json:"rate_hour"`

	// TimeToCritical bounds the setpoint: never so warm that the room would reach Critical sooner than this once all
	// cooling were lost. Zero: no bound.
	TimeToCritical Duration `json:"time_to_critical"`
	CommandsHour   int      `json:"commands_an_hour"`
	MinRun         Duration `json:"min_run"`
	MinOff         Duration `json:"min_off"`

	// Lead is how many machines carry the room; the others lag: they are told LagOffset K more, and join as soon as
	// the leading ones do not suffice. Zero: all lead. They change places each SwapEvery.
	Lead         int      `json:"lead"`
	LagOffset    int      `json:"lag_offset"`
	SwapEvery    Duration `json:"swap_every"`
	ReleaseAfter Duration `json:"release_after"`

	// Optimiser is what the optimiser may do: OptimiserOff, OptimiserAdvise (it says what it would do) or OptimiserOn.
	Optimiser     string   `json:"optimiser"`
	OptimiserSure float64  `json:"optimiser_sure"`
	AdviceFor     Duration `json:"advice_for"`
	AdviceMargin  float64  `json:"advice_margin"`

	WarmFor         Duration `json:"warm_for"`
	WarmHysteresis  float64  `json:"warm_hysteresis"`
	SpotFor         Duration `json:"spot_for"`
	RisingFor       Duration `json:"rising_for"`
	RisingWithin    Duration `json:"rising_within"`
	IdleFor         Duration `json:"idle_for"`
	ColdestFor      Duration `json:"coldest_for"`
	HumidFor        Duration `json:"humid_for"`
	FamilyMost      float64  `json:"family_most"`
	FamilyFor       Duration `json:"family_for"`
	ClearFor        Duration `json:"clear_for"`
	BackFor         Duration `json:"back_for"`
	SayAgain        Duration `json:"say_again"`
	SayWarningAgain Duration `json:"say_warning_again"`

	// Schedule replaces parts of the policy at certain hours, in TimeZone (an IANA name; empty: UTC). The first entry
	// that holds wins. See At.
	Schedule []ScheduleEntry `json:"schedule"`
	TimeZone string          `json:"time_zone"`
}

// What the optimiser may do.
const (
	OptimiserOff    = "off"
	OptimiserAdvise = "advise"
	OptimiserOn     = "on"
)

// Equal says that two policies are the same.
func (p Policy) Equal(q Policy) bool { return reflect.DeepEqual(p, q) }

// IsZero says that no policy is stated.
func (p Policy) IsZero() bool { return reflect.ValueOf(p).IsZero() }

// DefaultPolicy is the policy of a room that states none. Its numbers are from the project's reference on cooling:
// ASHRAE TC 9.9 2021 recommends 18 to 27 °C at the inlet; the rule "+1 after 15 min below the band, -1 each 5 min above
// it, -2 at once above 27.5" needed no commands at steady state in simulation.
func DefaultPolicy() Policy {
	return Policy{
		BandLow: 25.0, BandHigh: 26.5, Warn: 27, High: 30, Critical: 32,
		SetpointMin: 18, SetpointMax: 27, SetpointStart: 24, FailCold: 22,
		UpStep: 1, UpEvery: minutes(15), DownStep: 1, DownEvery: minutes(5),
		DownAfter: minutes(5), HotMargin: 0.6, FastDownAbove: 27.5, FastDownAfter: minutes(3), FastDownStep: 2, FastDownEvery: minutes(1),
		HighFor: minutes(1), HighHysteresis: 1, CoolFor: minutes(2),
		SampleEvery: Duration(10 * time.Second), StaleAfter: Duration(90 * time.Second),
		EvidenceWindow: minutes(5), ResendMost: 3, RefreshEvery: minutes(20),
		LeaseTTL: minutes(5), CommandEvery: minutes(1), OverrideMost: minutes(24 * 60),
		Class: "A1", HumidityMost: 70, DewPointLeast: -9, DewPointMost: 15, RateMost: 5, RateHour: 20,
		TimeToCritical: minutes(5), CommandsHour: 4, MinRun: minutes(5), MinOff: minutes(5),
		LagOffset: 2, SwapEvery: minutes(7 * 24 * 60), ReleaseAfter: minutes(4 * 60),
		Optimiser: OptimiserOn, OptimiserSure: 0.5, AdviceFor: minutes(15), AdviceMargin: 0.1,
		WarmFor: minutes(5), WarmHysteresis: 0.5, SpotFor: minutes(1), RisingFor: Duration(30 * time.Second), RisingWithin: minutes(15),
		IdleFor:    Duration(20 * time.Second),
		ColdestFor: minutes(5), HumidFor: minutes(30), FamilyMost: 2, FamilyFor: minutes(30),
		ClearFor: minutes(2), BackFor: Duration(30 * time.Second), SayAgain: minutes(60), SayWarningAgain: minutes(12 * 60),
	}
}

func minutes(n int) Duration { return Duration(time.Duration(n) * time.Minute) }
