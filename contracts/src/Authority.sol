// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ICash, Quota} from "./ICash.sol";

/// @title Who may do what beside moving their own money: roles, issuers' quotas, bank references.
/// @dev The admin changes hands in two steps with a delay (OpenZeppelin's default admin rules) and can neither mint,
/// freeze, pause nor move a balance without granting a role in the open.
abstract contract Authority is ICash, AccessControlDefaultAdminRules {
    bytes32 public constant ISSUER_ROLE = keccak256("ISSUER_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 public constant COMPLIANCE_ROLE = keccak256("COMPLIANCE_ROLE");

    mapping(address issuer => Quota) private _quotas;
    mapping(bytes32 bankRef => bool) private _bankRefUsed;

    /// @inheritdoc ICash
    function setQuota(address issuer, uint96 capacity, uint96 refillPerSecond) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Quota memory quota = quotaOf(issuer);
        bool isFirst = _quotas[issuer].updatedAt == 0;
        uint96 level = isFirst || quota.level > capacity ? capacity : quota.level;
        _quotas[issuer] = Quota(capacity, refillPerSecond, level, uint40(block.timestamp));
        emit QuotaSet(issuer, capacity, refillPerSecond, level);
    }

    /// @inheritdoc ICash
    function quotaOf(address issuer) public view returns (Quota memory quota) {
        quota = _quotas[issuer];
        uint256 gained = uint256(quota.refillPerSecond) * (block.timestamp - quota.updatedAt);
        uint256 room = quota.capacity - quota.level;
        quota.level += uint96(gained < room ? gained : room);
        quota.updatedAt = uint40(block.timestamp);
    }

    /// @inheritdoc ICash
    function isBankRefUsed(bytes32 bankRef) external view returns (bool) {
        return _bankRefUsed[bankRef];
    }

    function _spendQuota(address issuer, uint256 value) internal {
        Quota memory quota = quotaOf(issuer);
        if (value > quota.level) revert QuotaExceeded(issuer, quota.level, value);
        unchecked {
            quota.level -= uint96(value);
        }
        _quotas[issuer] = quota;
    }

    function _useBankRef(bytes32 bankRef) internal {
        if (_bankRefUsed[bankRef]) revert BankRefUsed(bankRef);
        _bankRefUsed[bankRef] = true;
    }
}
