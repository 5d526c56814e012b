// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Account, AccountWord} from "./Account.sol";
import {Authority} from "./Authority.sol";
import {Documents} from "./Documents.sol";
import {AccountState, ICash} from "./ICash.sol";
import {Signatures} from "./Signatures.sol";

/// @title The accounts, the supply, the pause and the nonces: what every way of moving money shares.
abstract contract Ledger is Authority, EIP712 {
    /// The upper 25 bytes of an ERC-3009 nonce that names a window nonce in its lower 7: the upper 25 bytes of
    /// keccak256("chainwallet.window-nonce"), so that no counter, time stamp or random number of others has them.
    uint256 public constant WINDOW_NONCE_TAG = uint256(keccak256("chainwallet.window-nonce")) >> 56;

    /// A struct of one word, so that a storage reference can be kept and the slot is hashed once.
    struct Holding {
        Account account;
    }

    mapping(address => Holding) internal _holdings;
    /// Wide nonces, 256 in a word.
    mapping(address => mapping(uint256 word => uint256 bits)) private _wideNonces;
    uint96 private _supply;
    /// Shares a slot with the supply, so that a mint reads one slot less.
    bool private _paused;

    modifier whenMovable() {
        if (_paused) revert MovementPaused();
        _;
    }

    // ------------------------------------------------------------------------------------------------ views

    function totalSupply() external view returns (uint256) {
        return _supply;
    }

    function balanceOf(address account) external view returns (uint256) {
        return _holdings[account].account.balance();
    }

    function nonces(address owner) external view returns (uint256) {
        return _holdings[owner].account.permitNonce();
    }

    /// @inheritdoc ICash
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

    /// @inheritdoc ICash
    function paused() external view returns (bool) {
        return _paused;
    }

    /// @inheritdoc ICash
    function isNonceAvailable(address account, uint256 nonce) external view returns (bool) {
        if (nonce < AccountWord.WINDOW_NONCE_END) return _isWindowNonceGood(account, nonce);
        return !_isTagged(nonce) && !_isWideNonceUsed(account, nonce);
    }

    /// Used, cancelled and dead nonces give true; so do window nonces too far ahead of the window, until it comes near.
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool) {
        uint256 number = uint256(nonce);
        if (_isTagged(number)) return !_isWindowNonceGood(authorizer, uint56(number));
        return _isWideNonceUsed(authorizer, number);
    }

    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    // ------------------------------------------------------------------------------------------------ safety

    /// @inheritdoc ICash
    function pause() external onlyRole(PAUSER_ROLE) {
        _paused = true;
        emit Paused(msg.sender);
    }

    /// @inheritdoc ICash
    function unpause() external onlyRole(PAUSER_ROLE) {
        _paused = false;
        emit Unpaused(msg.sender);
    }

    /// @inheritdoc ICash
    function freeze(address account, bytes32 reason) external onlyRole(COMPLIANCE_ROLE) {
        _holdings[account].account = _holdings[account].account.withFrozen(true);
        emit Frozen(account, msg.sender, reason);
    }

    /// @inheritdoc ICash
    function unfreeze(address account, bytes32 reason) external onlyRole(COMPLIANCE_ROLE) {
        _holdings[account].account = _holdings[account].account.withFrozen(false);
        emit Unfrozen(account, msg.sender, reason);
    }

    // ------------------------------------------------------------------------------------------------ cancels

    /// @inheritdoc ICash
    function cancelNonces(uint256 upTo) external {
        _cancelNonces(msg.sender, upTo);
    }

    /// @inheritdoc ICash
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

    // ------------------------------------------------------------------------------------------------ movements

    /// Moves `value` from `from` to `to` with a `Transfer`. The caller has checked the pause and the authority over `from`.
    function _move(address from, address to, uint256 value) internal {
        _requirePayee(to);
        _debit(from, value);
        _credit(to, value);
        emit Transfer(from, to, value);
    }

    function _create(address to, uint256 value) internal {
        _requirePayee(to);
        uint256 room = type(uint96).max - _supply;
        if (value > room) revert SupplyCapExceeded(room, value);
        _supply += uint96(value);
        _credit(to, value);
        emit Transfer(address(0), to, value);
    }

    function _destroy(address from, uint256 value) internal {
        _debit(from, value);
        unchecked {
            _supply -= uint96(value); // no more than a balance, which is no more than the supply
        }
        emit Transfer(from, address(0), value);
    }

    function _debit(address holder, uint256 value) private {
        Holding storage holding = _holdings[holder];
        holding.account = _debited(holder, holding.account, value);
    }

    function _credit(address holder, uint256 value) internal {
        Holding storage holding = _holdings[holder];
        Account account = holding.account;
        if (account.isFrozen()) revert AccountFrozen(holder);
        holding.account = account.credited(value);
    }

    function _debited(address holder, Account account, uint256 value) internal pure returns (Account) {
        if (account.isFrozen()) revert AccountFrozen(holder);
        uint256 available = account.balance();
        if (value > available) revert ERC20InsufficientBalance(holder, available, value);
        return account.debited(value);
    }

    /// Money sent to nobody, or to this contract, could never come back.
    function _isPayee(address to) internal view returns (bool) {
        return to != address(0) && to != address(this);
    }

    function _requirePayee(address to) internal view {
        if (!_isPayee(to)) revert ERC20InvalidReceiver(to);
    }

    // ------------------------------------------------------------------------------------------------ nonces

    /// Uses the nonce of one of our own documents: a window nonce in `account`'s word, a wide one in its bit.
    function _withNonceUsed(address holder, Account account, uint256 nonce) internal returns (Account next) {
        bool good;
        if (nonce < AccountWord.WINDOW_NONCE_END) {
            (good, next) = account.withNonceUsed(nonce);
        } else {
            good = !_isTagged(nonce) && _useWideNonce(holder, nonce);
            next = account;
        }
        if (!good) revert NonceUnavailable(holder, nonce);
    }

    /// Uses an ERC-3009 nonce, for an execution or a cancel.
    function _useAuthorizationNonce(address holder, bytes32 nonce) internal {
        uint256 number = uint256(nonce);
        bool good;
        if (_isTagged(number)) {
            Account next;
            (good, next) = _holdings[holder].account.withNonceUsed(uint56(number));
            _holdings[holder].account = next;
        } else {
            good = _useWideNonce(holder, number);
        }
        if (!good) revert NonceUnavailable(holder, number);
    }

    function _isTagged(uint256 nonce) internal pure returns (bool) {
        return nonce >> 56 == WINDOW_NONCE_TAG;
    }

    function _isWindowNonceGood(address holder, uint256 nonce) private view returns (bool good) {
        (good,) = _holdings[holder].account.withNonceUsed(nonce);
    }

    function _isWideNonceUsed(address holder, uint256 nonce) internal view returns (bool) {
        return _wideNonces[holder][nonce >> 8] & (1 << (nonce & 0xff)) != 0;
    }

    function _useWideNonce(address holder, uint256 nonce) internal returns (bool good) {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 bits = _wideNonces[holder][nonce >> 8];
        if (bits & bit != 0) return false;
        _wideNonces[holder][nonce >> 8] = bits | bit;
        return true;
    }

    // ------------------------------------------------------------------------------------------------ documents

    function _requireSigned(address signer, bytes32 structHash, bytes calldata signature) internal view {
        _requireSigned(signer, _domainSeparatorV4(), structHash, signature);
    }

    function _requireSigned(address signer, bytes32 domainSeparator, bytes32 structHash, bytes calldata signature)
        internal
        view
    {
        bytes32 digest = MessageHashUtils.toTypedDataHash(domainSeparator, structHash);
        if (!Signatures.isValid(signer, digest, signature)) revert InvalidSignature(signer);
    }

    function _requireSigned(address signer, bytes32 structHash, uint8 v, bytes32 r, bytes32 s) internal view {
        bytes32 digest = MessageHashUtils.toTypedDataHash(_domainSeparatorV4(), structHash);
        if (!Signatures.isValid(signer, digest, v, r, s)) revert InvalidSignature(signer);
    }

    function _requireBefore(uint256 validBefore) internal view {
        if (block.timestamp >= validBefore) revert Expired(validBefore, block.timestamp);
    }
}
