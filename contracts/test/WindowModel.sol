// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What the replay window promises, without any packing: which nonces were used, the highest of them, and the highest
/// cancel. Everything else follows.
struct WindowModel {
    mapping(uint256 nonce => bool) used;
    uint256 highest;
    uint256 canceledUpTo;
}

using WindowModels for WindowModel global;

library WindowModels {
    uint256 private constant WIDTH = 64;
    uint256 private constant REACH = WIDTH - 1 + 1_024;
    uint256 private constant END = 2 ** 56;

    /// An unused nonce dies once one 64 higher was used, or once it was cancelled.
    function base(WindowModel storage self) internal view returns (uint256) {
        uint256 byUse = self.highest < WIDTH ? 0 : self.highest - (WIDTH - 1);
        return byUse > self.canceledUpTo ? byUse : self.canceledUpTo;
    }

    function isGood(WindowModel storage self, uint256 nonce) internal view returns (bool) {
        uint256 first = base(self);
        return nonce >= first && nonce <= first + REACH && nonce < END && !self.used[nonce];
    }

    function use(WindowModel storage self, uint256 nonce) internal returns (bool good) {
        good = isGood(self, nonce);
        if (!good) return false;
        self.used[nonce] = true;
        if (nonce > self.highest) self.highest = nonce;
    }

    function canCancel(WindowModel storage self, uint256 upTo) internal view returns (bool) {
        return upTo <= base(self) || (upTo - base(self) <= 1_024 && upTo < END);
    }

    /// Whether something changed.
    function cancel(WindowModel storage self, uint256 upTo) internal returns (bool changed) {
        changed = upTo > base(self);
        if (changed) self.canceledUpTo = upTo;
    }

    function bits(WindowModel storage self) internal view returns (uint256 word) {
        uint256 first = base(self);
        for (uint256 i = 0; i < WIDTH; ++i) {
            if (self.used[first + i]) word |= 1 << i;
        }
    }
}
