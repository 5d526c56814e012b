// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WindowModel} from "./WindowModel.sol";

/// A quota as its rule says, with nothing packed.
struct Bucket {
    uint256 capacity;
    uint256 refillPerSecond;
    uint256 level;
    uint256 updatedAt;
}

using Buckets for Bucket global;

library Buckets {
    function levelNow(Bucket storage self) internal view returns (uint256 level) {
        level = self.level + self.refillPerSecond * (block.timestamp - self.updatedAt);
        if (level > self.capacity) level = self.capacity;
    }

    function spend(Bucket storage self, uint256 value) internal {
        if (value == 0) return;
        self.level = levelNow(self) - value;
        self.updatedAt = block.timestamp;
    }

    function set(Bucket storage self, uint256 capacity, uint256 refillPerSecond) internal {
        uint256 level = self.updatedAt == 0 ? capacity : levelNow(self);
        self.level = level < capacity ? level : capacity;
        (self.capacity, self.refillPerSecond, self.updatedAt) = (capacity, refillPerSecond, block.timestamp);
    }
}

/// What the ledger promises, in ordinary mappings. Whoever drives it moves money here only for an owner's signature,
/// call or allowance, so that these balances are what each owner has agreed to.
abstract contract PlainLedger {
    address internal plainLedgerOf;
    bool public plainPaused;
    uint256 public plainSupply;
    mapping(address => uint256) public plainBalance;
    mapping(address => bool) public plainFrozen;
    mapping(address => uint256) public plainPermitNonce;
    mapping(address => mapping(address => uint256)) public plainAllowance;
    mapping(address => WindowModel) internal plainWindow;
    /// Every nonce outside the window: wide ones, and all of ERC-3009's that carry no tag.
    mapping(address => mapping(uint256 => bool)) public plainUsed;
    mapping(bytes32 => bool) public plainBankRef;
    mapping(address => Bucket) public plainQuota;

    // ------------------------------------------------------------------------------------------------ money

    function mayReceive(address to) internal view returns (bool) {
        return to != address(0) && to != plainLedgerOf && !plainFrozen[to];
    }

    function maySend(address from, uint256 value) internal view returns (bool) {
        return !plainFrozen[from] && value <= plainBalance[from];
    }

    function mayMove(address from, address to, uint256 value) internal view returns (bool) {
        return !plainPaused && maySend(from, value) && mayReceive(to);
    }

    function move(address from, address to, uint256 value) internal {
        plainBalance[from] -= value;
        plainBalance[to] += value;
    }

    function create(address to, uint256 value) internal {
        plainBalance[to] += value;
        plainSupply += value;
    }

    function destroy(address from, uint256 value) internal {
        plainBalance[from] -= value;
        plainSupply -= value;
    }

    // ------------------------------------------------------------------------------------------------ nonces

    function isTagged(uint256 nonce) internal pure returns (bool) {
        return bytes25(bytes32(nonce)) == bytes25(keccak256("chainwallet.window-nonce"));
    }

    function isNonceGood(address account, uint256 nonce) public view returns (bool) {
        if (nonce < 2 ** 56) return plainWindow[account].isGood(nonce);
        return !isTagged(nonce) && !plainUsed[account][nonce];
    }

    function useNonce(address account, uint256 nonce) internal {
        if (nonce < 2 ** 56) plainWindow[account].use(nonce);
        else plainUsed[account][nonce] = true;
    }

    function isAuthorizationNonceGood(address account, bytes32 nonce) public view returns (bool) {
        if (isTagged(uint256(nonce))) return plainWindow[account].isGood(uint56(uint256(nonce)));
        return !plainUsed[account][uint256(nonce)];
    }

    function useAuthorizationNonce(address account, bytes32 nonce) internal {
        if (isTagged(uint256(nonce))) plainWindow[account].use(uint56(uint256(nonce)));
        else plainUsed[account][uint256(nonce)] = true;
    }

    function plainWindowOf(address account) external view returns (uint256 base, uint256 bits) {
        return (plainWindow[account].base(), plainWindow[account].bits());
    }

    function plainLevelOf(address issuer) external view returns (uint256) {
        return plainQuota[issuer].levelNow();
    }
}
