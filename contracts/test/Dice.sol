// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Random choices that a seed fixes, and how often each action went which way.
abstract contract Dice {
    mapping(string action => uint256) public succeeded;
    mapping(string action => uint256) public refused;
    uint256 public steps;
    uint256 public successes;
    uint256 public refusals;

    function tally(string memory action, bool ok) internal {
        if (ok) {
            ++successes;
            ++succeeded[action];
        } else {
            ++refusals;
            ++refused[action];
        }
    }

    /// A random number for one purpose in one step.
    function roll(uint256 seed, string memory purpose) internal view returns (uint256) {
        return uint256(keccak256(abi.encode(seed, purpose, steps)));
    }

    function isOneIn(uint256 chances, uint256 seed, string memory purpose) internal view returns (bool) {
        return roll(seed, purpose) % chances == 0;
    }
}
