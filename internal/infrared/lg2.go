package infrared

// LG2 says LG's 28 bits with the timing of LG's newer remotes (AKB74395308, AKB75215403, AKB74955603): a short
// header mark and a long space. The numbers are known from IRremoteESP8266, which drives the lamp with a duty cycle
// of a third there; the transmitter's own is used here. The remote AKB74955603 says "low" with other bits (9): they
// are understood, but never sent.
type LG2 struct{}

func lg2Codec() codec {
	return codec{
		carrierHz: 38_000, bitMark: 480, oneSpace: 1600, zeroSpace: 550, msbFirst: true,
		sections: []section{{header: []int{3200, 9900}, bits: 28}},
	}
}

// Name is "lg2".
func (LG2) Name() string { return "lg2" }

// Min is 16 °C.
func (LG2) Min() int { return lgMin }

// Max is 30 °C.
func (LG2) Max() int { return lgMax }

// Encode makes the frame. With an unknown or switched-off previous state the frame also switches on.
func (LG2) Encode(state State, previous *State) (Frame, error) {
	return lgEncode("lg2", lg2Codec(), state, previous)
}

// Decode reads a heard frame: header, 28 bits, signature, sum.
func (LG2) Decode(frame Frame) (State, Code, error) { return lgDecode("lg2", lg2Codec(), frame) }
