// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Words of an array in memory, without the check of the bound that Solidity makes each time (20 gas).
/// @dev For loops that count to the array's length, and for nothing else. Memory-safe as long as `i < words.length`.
library Words {
    function put(bytes32[] memory words, uint256 i, bytes32 word) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(words, 0x20), shl(5, i)), word)
        }
    }

    function put(uint256[] memory words, uint256 i, uint256 word) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(words, 0x20), shl(5, i)), word)
        }
    }

    function get(uint256[] memory words, uint256 i) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(words, 0x20), shl(5, i)))
        }
    }
}
