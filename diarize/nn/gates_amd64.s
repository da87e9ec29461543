#include "textflag.h"

// Gates of an LSTM with AVX2 and FMA, eight units at a time. R8 points to gateConstants, each of them eight times.

#define kLeast 0(R8)
#define kMost 32(R8)
#define kLog2E 64(R8)
#define kHigh 96(R8)
#define kLow 128(R8)
#define k6 160(R8)
#define k5 192(R8)
#define k4 224(R8)
#define k3 256(R8)
#define k2 288(R8)
#define kOne 320(R8)
#define kBias 352(R8)
#define kMinusOne 384(R8)
#define kMinusTwo 416(R8)

// EXP replaces X by e to the X, as Exp does; Y14 and Y15 are spoilt.
#define EXP(X) \
	VMAXPS kLeast, X, X \
	VMINPS kMost, X, X \
	VMULPS kLog2E, X, Y14 \
	VROUNDPS $0, Y14, Y14 \
	VFNMADD231PS kHigh, Y14, X \
	VFNMADD231PS kLow, Y14, X \
	VMOVUPS k6, Y15 \
	VFMADD213PS k5, X, Y15 \
	VFMADD213PS k4, X, Y15 \
	VFMADD213PS k3, X, Y15 \
	VFMADD213PS k2, X, Y15 \
	VFMADD213PS kOne, X, Y15 \
	VFMADD213PS kOne, X, Y15 \
	VCVTPS2DQ Y14, Y14 \
	VPADDD kBias, Y14, Y14 \
	VPSLLD $23, Y14, Y14 \
	VMULPS Y14, Y15, X

// SIGMOID and TANH replace X; Y13 holds ones, Y12 twos.
#define SIGMOID(X) \
	VMULPS kMinusOne, X, X \
	EXP(X) \
	VADDPS Y13, X, X \
	VDIVPS X, Y13, X

#define TANH(X) \
	VMULPS kMinusTwo, X, X \
	EXP(X) \
	VADDPS Y13, X, X \
	VDIVPS X, Y12, X \
	VSUBPS Y13, X, X

// func stepAVX(gates, h, c *float32, n int, constants *[14][8]float32)
TEXT ·stepAVX(SB), NOSPLIT, $0-40
	MOVQ gates+0(FP), SI
	MOVQ h+8(FP), DI
	MOVQ c+16(FP), BX
	MOVQ n+24(FP), CX
	MOVQ constants+32(FP), R8
	LEAQ (SI)(CX*4), R9
	LEAQ (R9)(CX*4), R10
	LEAQ (R10)(CX*4), R11
	VMOVUPS kOne, Y13
	VADDPS Y13, Y13, Y12

eight:
	VMOVUPS (SI), Y0
	VMOVUPS (R9), Y1
	VMOVUPS (R10), Y2
	VMOVUPS (R11), Y3
	SIGMOID(Y0)
	SIGMOID(Y1)
	TANH(Y2)
	SIGMOID(Y3)
	VMULPS (BX), Y1, Y1
	VFMADD231PS Y0, Y2, Y1
	VMOVUPS Y1, (BX)
	TANH(Y1)
	VMULPS Y3, Y1, Y1
	VMOVUPS Y1, (DI)
	ADDQ $32, SI
	ADDQ $32, R9
	ADDQ $32, R10
	ADDQ $32, R11
	ADDQ $32, BX
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ eight

	VZEROUPPER
	RET
