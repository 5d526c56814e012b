// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What a spender may still take from an owner: 2^256 - 1 = any amount, for good.
struct Allowance {
    uint256 value;
}

/// @title Where allowances are kept, and how the spending of one is told.
library Allowances {
    /// The allowance of `spender` over `owner`'s money: at Keccak-256 of the 40 bytes of both. All other
    /// places are hashes of 64 bytes (a key and a slot) or of 32, or small numbers, so nothing else is kept there. Assembly: a mapping of
    /// mappings hashes twice, 70 gas more. Memory-safe: writes the scratch words at 0x00 and 0x20.
    function between(address owner, address spender) internal pure returns (Allowance storage allowed) {
        assembly ("memory-safe") {
            mstore(0x00, shl(96, owner))
            mstore(0x14, shl(96, spender))
            allowed.slot := keccak256(0x00, 0x28)
        }
    }

    /// `ICash`'s `AllowanceSpent`: a log without topics whose data are the 20 bytes of `spender`. Assembly: Solidity would
    /// write a whole word, 96 gas more. Memory-safe: writes the scratch word at 0x00.
    function emitSpent(address spender) internal {
        assembly ("memory-safe") {
            mstore(0x00, shl(96, spender))
            log0(0x00, 0x14)
        }
    }
}
