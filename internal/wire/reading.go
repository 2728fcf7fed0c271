package wire

import "time"

// Reading is one measurement of one sensor, with the sensor's own time.
// On the wire it is the 2017 CSV line time_ms,sensor,humidity,temperature; humidity may be empty.
type Reading struct {
	Room        string
	Sensor      int
	At          time.Time // resolution 1 ms
	Celsius     float64
	Humidity    float64 // % relative; meaningless unless HasHumidity
	HasHumidity bool
	// Bad says that the edge does not believe it, with the reason. It is stored, and never decided by.
	Bad    bool
	Reason string
	// ArrivalTime marks a record without a time of its own: At is when it reached the broker.
	ArrivalTime bool
	// Unsynchronised marks a reading from an edge whose clock is not synchronised.
	Unsynchronised bool
}
