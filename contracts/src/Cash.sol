// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ShortString, ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";
import {Account} from "./Account.sol";
import {Authorizations} from "./Authorizations.sol";
import {Documents} from "./Documents.sol";
import {ICash} from "./ICash.sol";
import {Payments} from "./Payments.sol";
import {Settlements} from "./Settlements.sol";

/// @title The ledger of one currency. See `ICash` for what it promises.
contract Cash is Payments, Settlements, Authorizations {
    using ShortStrings for *;

    // solhint-disable-next-line var-name-mixedcase
    bytes32 public constant PERMIT_TYPEHASH = Documents.PERMIT_TYPEHASH;

    string private constant VERSION = "1";

    ShortString private immutable _currency;

    mapping(address owner => mapping(address spender => uint256)) private _allowances;

    /// @param currencyCode ISO 4217, such as EUR
    /// @param admin grants roles and sets quotas; holds no role itself
    /// @param adminDelay seconds between the two steps of handing over the admin
    constructor(string memory currencyCode, address admin, uint48 adminDelay)
        AccessControlDefaultAdminRules(adminDelay, admin)
        EIP712(string.concat("Cash ", currencyCode), VERSION)
    {
        _currency = currencyCode.toShortString();
    }

    // ------------------------------------------------------------------------------------------------ metadata

    function name() external view returns (string memory) {
        return _EIP712Name();
    }

    function symbol() external view returns (string memory) {
        return string.concat("c", _currency.toString());
    }

    function decimals() external pure returns (uint8) {
        return 6;
    }

    /// @inheritdoc ICash
    function currency() external view returns (string memory) {
        return _currency.toString();
    }

    /// @inheritdoc ICash
    function version() external pure returns (string memory) {
        return VERSION;
    }

    // ------------------------------------------------------------------------------------------------ ERC-20

    function transfer(address to, uint256 value) external whenMovable returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external whenMovable returns (bool) {
        if (from == address(0)) revert ERC20InvalidSender(from);
        uint256 available = _allowances[from][msg.sender];
        if (available == type(uint256).max) {
            _move(from, to, value);
            return true;
        }
        if (value > available) revert ERC20InsufficientAllowance(msg.sender, available, value);
        unchecked {
            _allowances[from][msg.sender] = available - value;
        }
        _move(from, to, value);
        emit AllowanceSpent(msg.sender);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }

    function allowance(address owner, address spender) external view returns (uint256) {
        return _allowances[owner][spender];
    }

    // ------------------------------------------------------------------------------------------------ ERC-2612

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        _requireSigned(owner, _permitHash(owner, spender, value, deadline), v, r, s);
        _usePermit(owner, spender, value);
    }

    /// @inheritdoc ICash
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature)
        external
    {
        _requireSigned(owner, _permitHash(owner, spender, value, deadline), signature);
        _usePermit(owner, spender, value);
    }

    /// The struct hash of the owner's next permit. ERC-2612: good while `block.timestamp <= deadline`.
    function _permitHash(address owner, address spender, uint256 value, uint256 deadline)
        private
        view
        returns (bytes32)
    {
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
        return Documents.permit(owner, spender, value, _holdings[owner].account.permitNonce(), deadline);
    }

    function _usePermit(address owner, address spender, uint256 value) private {
        Holding storage holding = _holdings[owner];
        Account account = holding.account;
        uint256 nonce = account.permitNonce();
        if (nonce == type(uint32).max) revert PermitNoncesExhausted(owner);
        holding.account = account.withNextPermitNonce();
        _approve(owner, spender, value);
        emit PermitUsed(owner, nonce);
    }

    function _approve(address owner, address spender, uint256 value) private {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        _allowances[owner][spender] = value;
        emit Approval(owner, spender, value);
    }

    // ------------------------------------------------------------------------------------------------ issuing

    /// @inheritdoc ICash
    function mint(address to, uint256 value, bytes32 bankRef) external onlyRole(ISSUER_ROLE) whenMovable {
        _useBankRef(bankRef);
        _spendQuota(msg.sender, value);
        _create(to, value);
        emit Minted(bankRef, msg.sender, to, value);
    }

    /// @inheritdoc ICash
    function burn(uint256 value, bytes32 bankRef) external onlyRole(ISSUER_ROLE) whenMovable {
        _useBankRef(bankRef);
        _destroy(msg.sender, value);
        emit Burned(bankRef, msg.sender, value);
    }
}
