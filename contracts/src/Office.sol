// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";
import {Account, AccountWord} from "./Account.sol";
import {Documents} from "./Documents.sol";
import {AccountState, IOffice} from "./ICash.sol";
import {Issuing} from "./Issuing.sol";
import {Ledger} from "./Ledger.sol";

/// @title What a ledger does beside moving money: issuing, roles, freeze and pause, cancels, views.
/// @dev `Cash` makes its office when it is made, for good, and hands it every call that it does not answer itself, by a
/// delegate call: the office works on the ledger's storage at the ledger's address. It is apart because a movement would
/// otherwise first pay for 49 comparisons of selectors. It stands at the address of the first contract that the ledger
/// made. Called there it has no admin and no roles, and the ledger refuses it as a payee.
contract Office is Issuing, IOffice {
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 public constant COMPLIANCE_ROLE = keccak256("COMPLIANCE_ROLE");

    uint256 public constant WINDOW_NONCE_TAG = AccountWord.WINDOW_NONCE_TAG;
    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH;
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH;
    bytes32 public constant CANCEL_AUTHORIZATION_TYPEHASH = Documents.CANCEL_AUTHORIZATION_TYPEHASH;
    bytes32 public constant PERMIT_TYPEHASH = Documents.PERMIT_TYPEHASH;

    /// @param currencyCode ISO 4217, such as EUR
    constructor(string memory currencyCode) Ledger(currencyCode, address(this)) {
        _disableInitializers();
    }

    /// Makes `admin` the admin of the ledger that calls, once: `Cash` does so while it is made.
    /// @param adminDelay seconds between the two steps of handing over the admin
    function open(address admin, uint48 adminDelay) external initializer {
        __AccessControlDefaultAdminRules_init(adminDelay, admin);
    }

    // ------------------------------------------------------------------------------------------------ views

    function name() external view returns (string memory) {
        return _EIP712Name();
    }

    function symbol() external view returns (string memory) {
        return string.concat("c", ShortStrings.toString(_currency));
    }

    function decimals() external pure returns (uint8) {
        return 6;
    }

    /// @inheritdoc IOffice
    function currency() external view returns (string memory) {
        return ShortStrings.toString(_currency);
    }

    /// @inheritdoc IOffice
    function version() external view returns (string memory) {
        return _EIP712Version();
    }

    /// @inheritdoc IOffice
    function accountState(address account) external view returns (AccountState memory) {
        Account word = _holdings[account].account;
        return AccountState(
            uint96(word.balance()),
            uint64(word.window()),
            uint56(word.windowBase()),
            uint32(word.permitNonce()),
            word.isFrozen()
        );
    }

    /// @inheritdoc IOffice
    function paused() external view returns (bool) {
        return _paused;
    }

    /// @inheritdoc IOffice
    function isNonceAvailable(address account, uint256 nonce) external view returns (bool) {
        if (nonce < AccountWord.WINDOW_NONCE_END) return _isWindowNonceGood(account, nonce);
        return !_isTagged(nonce) && !_isWideNonceUsed(account, nonce);
    }

    // ------------------------------------------------------------------------------------------------ safety

    /// @inheritdoc IOffice
    function pause() external onlyRole(PAUSER_ROLE) {
        _paused = true;
        emit Paused(msg.sender);
    }

    /// @inheritdoc IOffice
    function unpause() external onlyRole(PAUSER_ROLE) {
        _paused = false;
        emit Unpaused(msg.sender);
    }

    /// @inheritdoc IOffice
    function freeze(address account, bytes32 reason) external onlyRole(COMPLIANCE_ROLE) {
        _holdings[account].account = _holdings[account].account.withFrozen(true);
        emit Frozen(account, msg.sender, reason);
    }

    /// @inheritdoc IOffice
    function unfreeze(address account, bytes32 reason) external onlyRole(COMPLIANCE_ROLE) {
        if (_isNoAccount(account)) revert ERC20InvalidReceiver(account);
        _holdings[account].account = _holdings[account].account.withFrozen(false);
        emit Unfrozen(account, msg.sender, reason);
    }

    // ------------------------------------------------------------------------------------------------ cancels

    /// @inheritdoc IOffice
    function cancelNonces(uint256 upTo) external {
        _cancelNonces(msg.sender, upTo);
    }

    /// @inheritdoc IOffice
    function cancelNonces(address account, uint256 upTo, uint256 validBefore, bytes calldata signature) external {
        _requireBefore(validBefore);
        _requireSigned(account, Documents.cancelNonces(account, upTo, validBefore), signature);
        _cancelNonces(account, upTo);
    }

    function _cancelNonces(address account, uint256 upTo) private {
        Holding storage holding = _holdings[account];
        Account word = holding.account;
        uint256 base = word.windowBase();
        if (upTo <= base) return;
        if (upTo - base > AccountWord.MAX_SLIDE) revert NonceStepTooLarge(upTo - base, AccountWord.MAX_SLIDE);
        if (upTo >= AccountWord.WINDOW_NONCE_END) revert NonceUnavailable(account, upTo);
        holding.account = word.withNoncesCanceled(upTo);
        emit NoncesCanceled(account, upTo);
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _requireSigned(authorizer, Documents.cancelAuthorization(authorizer, nonce), v, r, s);
        _cancelAuthorization(authorizer, nonce);
    }

    /// @inheritdoc IOffice
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
        _requireSigned(authorizer, Documents.cancelAuthorization(authorizer, nonce), signature);
        _cancelAuthorization(authorizer, nonce);
    }

    function _cancelAuthorization(address authorizer, bytes32 nonce) private {
        Holding storage holding = _holdings[authorizer];
        holding.account = _withAuthorizationNonceUsed(authorizer, holding.account, nonce);
        emit AuthorizationCanceled(authorizer, nonce);
    }
}
