// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Keccak-256 of a few words, without taking memory for them.
/// @dev `keccak256(abi.encode(...))` gives the same and leaves its words in memory for good: in a batch the memory, and
/// with it the price of each item, would grow. Memory-safe: the words are written beyond the memory in use.
library Hashing {
    function hash(bytes32 a, bytes32 b, bytes32 c) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 0x20), b)
            mstore(add(free, 0x40), c)
            digest := keccak256(free, 0x60)
        }
    }

    function hash(bytes32 a, bytes32 b, bytes32 c, bytes32 d) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 0x20), b)
            mstore(add(free, 0x40), c)
            mstore(add(free, 0x60), d)
            digest := keccak256(free, 0x80)
        }
    }

    function hash(bytes32 a, bytes32 b, bytes32 c, bytes32 d, bytes32 e, bytes32 f, bytes32 g)
        internal
        pure
        returns (bytes32 digest)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 0x20), b)
            mstore(add(free, 0x40), c)
            mstore(add(free, 0x60), d)
            mstore(add(free, 0x80), e)
            mstore(add(free, 0xa0), f)
            mstore(add(free, 0xc0), g)
            digest := keccak256(free, 0xe0)
        }
    }

    /// Of all words of `words` in a row.
    function hash(bytes32[] memory words) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(add(words, 0x20), shl(5, mload(words)))
        }
    }

    /// `account` as EIP-712 encodes it: a word with its upper 12 bytes zero.
    function word(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
