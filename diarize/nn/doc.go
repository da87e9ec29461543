// Package nn computes the layers that the networks of diarization are made of: dense layers, LSTMs and their activations, in
// float32, on one core. It holds no weights of its own; packages ge2e and pyannet read theirs.
//
// Start reading at [Matrix]: nearly all time goes into its one loop, which has vector instructions on x86-64.
package nn
