// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRulesUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/extensions/AccessControlDefaultAdminRulesUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IIssuing, Quota} from "./ICash.sol";
import {Ledger} from "./Ledger.sol";

/// @title Money enters and leaves: issuers, their quotas, bank references; and the admin who appoints them.
/// @dev The admin changes hands in two steps with a delay (OpenZeppelin's default admin rules) and can neither mint,
/// freeze, pause nor move a balance without granting a role in the open.
abstract contract Issuing is Ledger, AccessControlDefaultAdminRulesUpgradeable, IIssuing {
    bytes32 public constant ISSUER_ROLE = keccak256("ISSUER_ROLE");

    mapping(address issuer => Quota) private _quotas;
    mapping(bytes32 bankRef => bool) private _bankRefUsed;

    /// @inheritdoc IIssuing
    function mint(address to, uint256 value, bytes32 bankRef) external onlyRole(ISSUER_ROLE) whenMovable {
        _useBankRef(bankRef);
        _spendQuota(msg.sender, value);
        uint256 room = type(uint96).max - _supply;
        if (value > room) revert SupplyCapExceeded(room, value);
        _supply += uint96(value);
        _credit(to, value);
        emit IERC20.Transfer(address(0), to, value);
        emit Minted(bankRef, msg.sender, to, value);
    }

    /// @inheritdoc IIssuing
    function burn(uint256 value, bytes32 bankRef) external onlyRole(ISSUER_ROLE) whenMovable {
        _useBankRef(bankRef);
        Holding storage holding = _holdings[msg.sender];
        holding.account = _debited(msg.sender, holding.account, value);
        unchecked {
            _supply -= uint96(value); // no more than a balance, which is no more than the supply
        }
        emit IERC20.Transfer(msg.sender, address(0), value);
        emit Burned(bankRef, msg.sender, value);
    }

    /// @inheritdoc IIssuing
    function setQuota(address issuer, uint96 capacity, uint96 refillPerSecond) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Quota memory quota = quotaOf(issuer);
        // slither-disable-next-line incorrect-equality - zero means that none was ever set; no block has time zero
        bool isFirst = _quotas[issuer].updatedAt == 0;
        uint96 level = isFirst || quota.level > capacity ? capacity : quota.level;
        _quotas[issuer] = Quota(capacity, refillPerSecond, level, uint40(block.timestamp));
        emit QuotaSet(issuer, capacity, refillPerSecond, level);
    }

    /// @inheritdoc IIssuing
    function quotaOf(address issuer) public view returns (Quota memory quota) {
        quota = _quotas[issuer];
        uint256 gained = uint256(quota.refillPerSecond) * (block.timestamp - quota.updatedAt);
        uint256 room = quota.capacity - quota.level;
        quota.level += uint96(gained < room ? gained : room);
        quota.updatedAt = uint40(block.timestamp);
    }

    function totalSupply() external view returns (uint256) {
        return _supply;
    }

    /// @inheritdoc IIssuing
    function isBankRefUsed(bytes32 bankRef) external view returns (bool) {
        return _bankRefUsed[bankRef];
    }

    function _spendQuota(address issuer, uint256 value) private {
        Quota memory quota = quotaOf(issuer);
        if (value > quota.level) revert QuotaExceeded(issuer, quota.level, value);
        if (value == 0) return; // it would begin a quota that nobody has set, and a first quota starts full
        unchecked {
            quota.level -= uint96(value);
        }
        _quotas[issuer] = quota;
    }

    function _useBankRef(bytes32 bankRef) private {
        if (_bankRefUsed[bankRef]) revert BankRefUsed(bankRef);
        _bankRefUsed[bankRef] = true;
    }
}
