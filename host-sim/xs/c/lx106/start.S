/*
 * From reset to C, and from an exception to its report. The simulated machine starts at 0x50000000 whatever the ELF
 * file says. Exceptions are not handled: they end the program.
 */

	.section .reset, "ax"
	.global reset
reset:
	j	begin
	.align	4
	.literal_position
begin:
	movi	a2, vectors
	wsr	a2, vecbase
	/* No interrupts; exceptions go to the user vector. */
	movi	a2, 0x20
	wsr	a2, ps
	rsync
	movi	a1, stackTop
	movi	a0, 0
	movi	a2, startC
	jx	a2

	.section .vectors, "ax"
	.align	256
	.global vectors
vectors:
	.org	0x10
	j	exception
	.org	0x20
	j	exception
	.org	0x30
	j	exception
	.org	0x50
	j	exception
	.org	0x70
	j	exception
	.org	0x80
	.align	4
	.literal_position
exception:
	movi	a1, panicTop
	rsr	a2, exccause
	rsr	a3, epc1
	rsr	a4, excvaddr
	movi	a5, panic
	jx	a5

	.text
	.literal_position

/* int simcall(int operation, a, b, c): a request to QEMU; a2 is also the result. */
	.align	4
	.global	simcall
	.type	simcall, @function
simcall:
	simcall
	ret

	.align	4
	.global	readCount
	.type	readCount, @function
readCount:
	rsr	a2, ccount
	ret

/* callOnStack(work, data, top): the call ABI without windows has all in a0 to a15; a12 is the caller's. */
	.align	4
	.global	callOnStack
	.type	callOnStack, @function
callOnStack:
	addi	a1, a1, -16
	s32i	a0, a1, 0
	s32i	a12, a1, 4
	mov	a12, a1
	mov	a1, a4
	mov	a5, a2
	mov	a2, a3
	callx0	a5
	mov	a1, a12
	l32i	a0, a1, 0
	l32i	a12, a1, 4
	addi	a1, a1, 16
	ret
