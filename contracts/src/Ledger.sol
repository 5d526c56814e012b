// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ShortString, ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";
import {Account, AccountWord} from "./Account.sol";
import {ICashFacts} from "./ICash.sol";
import {Signatures} from "./Signatures.sol";

/// @title The accounts, the supply, the pause and the nonces: what `Cash` and its `Office` share.
/// @dev Both work on the same storage, the ledger's: `Office` by a delegate call of `Cash`. All variables of `Cash` are
/// declared here (its allowances have a place of their own, see `Allowances`); what `Office` adds comes after them.
abstract contract Ledger is ICashFacts, EIP712 {
    /// A struct of one word, so that a storage reference can be kept and the slot is hashed once.
    struct Holding {
        Account account;
    }

    mapping(address => Holding) internal _holdings;
    /// Wide nonces, 256 in a word.
    mapping(address => mapping(uint256 word => uint256 bits)) private _wideNonces;
    // slither-disable-next-line constable-states,unused-state - the office writes and reads it on this storage
    uint96 internal _supply;
    /// Shares a slot with the supply, so that a mint reads one slot less.
    // slither-disable-next-line constable-states,uninitialized-state - the office writes it on this storage
    bool internal _paused;

    ShortString internal immutable _currency;
    /// Where the ledger's office stands: the first contract that the ledger made.
    address internal immutable _office;

    /// @param currencyCode ISO 4217, such as EUR
    constructor(string memory currencyCode, address office) EIP712(string.concat("Cash ", currencyCode), "1") {
        _currency = ShortStrings.toShortString(currencyCode);
        _office = office;
        _freezeForGood(address(0));
        _freezeForGood(address(this));
        if (office != address(this)) _freezeForGood(office);
    }

    /// Money sent to nobody, to this contract or to its office could never come back. They are frozen from the start, so
    /// that a movement finds out when it reads the account, at no cost.
    function _freezeForGood(address account) private {
        _holdings[account].account = _holdings[account].account.withFrozen(true);
        emit Frozen(account, address(0), "no account");
    }

    modifier whenMovable() {
        if (_paused) revert MovementPaused();
        _;
    }

    // ------------------------------------------------------------------------------------------------ movements

    /// Moves `value` from `from` to `to` with a `Transfer`. The caller has checked the pause and the authority over `from`.
    function _move(address from, address to, uint256 value) internal {
        Holding storage payer = _holdings[from];
        _move(payer, payer.account, from, to, value);
    }

    /// As above, for a `payer` whose word the caller has read, and may have used a nonce of: `account` is the word to go on
    /// from, written once. In one piece, not in calls of the functions below: that is 200 gas a movement.
    function _move(Holding storage payer, Account account, address from, address to, uint256 value) internal {
        if (account.isFrozen()) revert AccountFrozen(from);
        uint256 available = account.balance();
        if (value > available) revert ERC20InsufficientBalance(from, available, value);
        payer.account = account.debited(value);
        Holding storage payee = _holdings[to];
        account = payee.account;
        if (account.isFrozen()) _refusePayee(to);
        payee.account = account.credited(value);
        emit IERC20.Transfer(from, to, value);
    }

    function _credit(address holder, uint256 value) internal {
        Holding storage holding = _holdings[holder];
        Account account = holding.account;
        if (account.isFrozen()) _refusePayee(holder);
        holding.account = account.credited(value);
    }

    function _debited(address holder, Account account, uint256 value) internal pure returns (Account) {
        if (account.isFrozen()) revert AccountFrozen(holder);
        uint256 available = account.balance();
        if (value > available) revert ERC20InsufficientBalance(holder, available, value);
        return account.debited(value);
    }

    /// Whether the account is frozen for good.
    function _isNoAccount(address account) internal view returns (bool) {
        return account == address(0) || account == address(this) || account == _office;
    }

    function _refusePayee(address to) private view {
        if (_isNoAccount(to)) revert ERC20InvalidReceiver(to);
        revert AccountFrozen(to);
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
    function _withAuthorizationNonceUsed(address holder, Account account, bytes32 nonce)
        internal
        returns (Account next)
    {
        uint256 number = uint256(nonce);
        bool good;
        if (_isTagged(number)) (good, next) = account.withNonceUsed(uint56(number));
        else (good, next) = (_useWideNonce(holder, number), account);
        if (!good) revert NonceUnavailable(holder, number);
    }

    function _isTagged(uint256 nonce) internal pure returns (bool) {
        return nonce >> 56 == AccountWord.WINDOW_NONCE_TAG;
    }

    function _isWindowNonceGood(address holder, uint256 nonce) internal view returns (bool good) {
        // slither-disable-next-line unused-return - a question: the word after the use is not kept
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
