// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC3009, IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

/// One side of one person in a settlement: `amount` is in token units (6 decimals) and never zero.
struct Leg {
    address account;
    uint256 amount;
}

/// An account's state, unpacked. `window` has bit i set when nonce `windowBase + i` was used or cancelled.
struct AccountState {
    uint96 balance;
    uint64 window;
    uint56 windowBase;
    uint32 permitNonce;
    bool frozen;
}

/// An issuer's right to mint: a token bucket that holds at most `capacity` token units and gains `refillPerSecond`
/// each second. `level` units were in it at time `updatedAt` (seconds since 1970).
struct Quota {
    uint96 capacity;
    uint96 refillPerSecond;
    uint96 level;
    uint40 updatedAt;
}

/// Why `pay` left an item out. The order is part of the interface: new reasons are only added at the end.
enum SkipReason {
    None,
    Expired,
    NonceUnavailable,
    InvalidPayee,
    PayerFrozen,
    PayeeFrozen,
    InsufficientBalance,
    InvalidSignature
}

/// What the ledger tells: its events, and its errors with available and required values.
interface ICashFacts is IERC20Errors {
    // ------------------------------------------------------------------------------------------------ events

    /// Follows its payment's `Transfer` at once. `paymentRef` is the payer's reference; `nonce` the payer's.
    event Paid(bytes32 indexed paymentRef, uint256 nonce);

    /// A hint that an item of a `pay` call was left out. Anybody can cause one; it is no fact about a payment.
    event Skipped(address indexed payer, uint256 nonce, SkipReason reason);

    /// Follows its settlement's `Transfer`s at once. `nonces` are the debtors', in the order of the debits, which is the
    /// order of the distinct payers in those `Transfer`s. Other transfers of the same transaction may stand right before
    /// them: amounts by debtor are proved by the legs that hash to `settlementHash`, not by the `Transfer`s alone.
    event Settled(bytes32 indexed settlementHash, bytes32 indexed context, uint256[] nonces);

    /// All window nonces of `account` below `upTo` are dead.
    event NoncesCanceled(address indexed account, uint256 upTo);

    // Follows the `Transfer` of a `transferFrom` that used up part of a finite allowance, as much as the transfer's value:
    // `AllowanceSpent`, a log without topics, the only one here, whose data are the 20 bytes of the spender's address.

    /// Follows the `Approval` of an `approve`. An `Approval` whose next log of this contract in its transaction is another
    /// one, or that is the last, was a `permit`'s, and used the owner's next permit nonce.
    event Approved();

    event Minted(bytes32 indexed bankRef, address indexed issuer, address indexed to, uint256 value);
    event Burned(bytes32 indexed bankRef, address indexed issuer, uint256 value);
    event QuotaSet(address indexed issuer, uint96 capacity, uint96 refillPerSecond, uint96 level);
    /// The zero address as officer: frozen for good when the ledger was made.
    event Frozen(address indexed account, address indexed officer, bytes32 reason);
    event Unfrozen(address indexed account, address indexed officer, bytes32 reason);
    event Paused(address indexed pauser);
    event Unpaused(address indexed pauser);

    // ------------------------------------------------------------------------------------------------ errors

    error MovementPaused();
    error AccountFrozen(address account);
    error Expired(uint256 validBefore, uint256 timestamp);
    error NotYetValid(uint256 validAfter, uint256 timestamp);
    error NonceUnavailable(address account, uint256 nonce);
    /// Also where too little gas was left for an ERC-1271 account to answer: no proof that the signature is bad.
    error InvalidSignature(address signer);
    error CallerNotPayee(address caller, address payee);
    error MalformedItems(uint256 length, uint256 itemSize);
    error WrongOperator(address caller, address operator);
    error EmptySettlement();
    error TooManyLegs(uint256 count, uint256 limit);
    /// Of two accounts as whole words; both are shown without their upper 12 bytes.
    error LegsNotAscending(address previous, address next);
    error EmptyLeg(address account);
    error DirtyAddress(uint256 word);
    error LegOnBothSides(address account);
    error SumsDiffer(uint256 debits, uint256 credits);
    error MalformedConsents(uint256 length);
    error NonceStepTooLarge(uint256 step, uint256 limit);
    error PermitNoncesExhausted(address owner);
    error BankRefUsed(bytes32 bankRef);
    error QuotaExceeded(address issuer, uint256 available, uint256 required);
    error SupplyCapExceeded(uint256 available, uint256 required);
    // AccountWord.BalanceOverflow(available, required): a credit that does not fit 96 bits, as a settlement may try to make.
}

/// What moves money: answered by `Cash` itself, as are ERC-20's `transfer`, `transferFrom`, `approve`, `balanceOf` and
/// `allowance`.
interface IMovements is ICashFacts, IERC20Permit, IERC3009 {
    // ------------------------------------------------------------------------------------------------ payments

    /// @notice Carries out signed payments; one that cannot be carried out is left out and says so with `Skipped`.
    /// @dev Anyone may call. `items` is a run of 160-byte items: from 20, to 20, value 12, paymentRef 32, nonce 7,
    /// validBefore 5, r 32, vs 32 (EIP-2098). The payer signs
    /// `Payment(address from,address to,uint256 value,bytes32 paymentRef,uint256 nonce,uint256 validBefore)`; ECDSA only.
    /// Reverts `MovementPaused`, and `MalformedItems` for another length.
    /// @return paid how many items were carried out
    function pay(bytes calldata items) external returns (uint256 paid);

    /// @notice As `pay`, for payments with any nonce: 185-byte items whose nonce has 32 bytes.
    function payWide(bytes calldata items) external returns (uint256 paid);

    // ------------------------------------------------------------------------------------------------ settlements

    /// @notice Debits and credits many accounts in one step: all legs or none.
    /// @dev Debits and credits each ascend strictly by account, nobody is on both sides, sums are equal, no amount is
    /// zero, at most 256 legs together. Each debtor signs
    /// `Consent(address debtor,Settlement settlement,uint256 nonce)` over
    /// `Settlement(Leg[] debits,Leg[] credits,bytes32 context,address operator,uint256 validBefore)` and
    /// `Leg(address account,uint256 amount)`; ECDSA or ERC-1271. All signatures are checked first, then all debits are
    /// made, then all credits: no debtor can spend what comes in. `Transfer`s pair debits with credits in order.
    /// @param consents one for each debit, in the same order, each in one of two forms. Short, 72 bytes: 0x00, a window nonce
    /// 7, r 32, vs 32 (EIP-2098). Long: 0x01, any nonce 32, the signature's size 2, the signature (65 bytes r, s, v; 64 bytes
    /// r, vs; or whatever the debtor's ERC-1271 account accepts). Reverts `MalformedConsents` for anything else.
    /// @param context hash of the bill or of the group's ledger root
    /// @param operator who may call; zero = anyone
    function settle(
        Leg[] calldata debits,
        Leg[] calldata credits,
        bytes calldata consents,
        bytes32 context,
        address operator,
        uint256 validBefore
    ) external;

    // ------------------------------------------------------------------------------------------------ ERC-3009, ERC-2612

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature) external;
}

/// How money enters and leaves. Answered at the same address by `Cash`'s `Office`.
interface IIssuing is ICashFacts {
    /// @notice Creates `value` units for `to` against money received at the bank. Issuers only, within their quota.
    /// @param bankRef the bank's reference of that money; the chain accepts each once, for mints and burns together
    function mint(address to, uint256 value, bytes32 bankRef) external;

    /// @notice Destroys `value` units of the caller's own against money paid out by the bank. Issuers only.
    function burn(uint256 value, bytes32 bankRef) external;

    /// @notice Sets an issuer's quota. Admin only. A first quota starts full; a changed one keeps what was left, capped.
    function setQuota(address issuer, uint96 capacity, uint96 refillPerSecond) external;

    /// @notice The quota of `issuer` with `level` refilled to now.
    function quotaOf(address issuer) external view returns (Quota memory);

    function isBankRefUsed(bytes32 bankRef) external view returns (bool);
}

/// Nonces, safety and views. Answered at the same address by `Cash`'s `Office`.
interface IOffice is IIssuing, IERC3009Cancel {
    // ------------------------------------------------------------------------------------------------ nonces

    /// @notice Kills the caller's window nonces below `upTo`; at most 1,024 above the base at once. Stays possible while
    /// paused or frozen. Without effect, and without an event, where `upTo` is not above the base.
    function cancelNonces(uint256 upTo) external;

    /// @notice As above for `account`, which signed
    /// `CancelNonces(address account,uint256 upTo,uint256 validBefore)`; ECDSA or ERC-1271. Anyone may deliver it.
    function cancelNonces(address account, uint256 upTo, uint256 validBefore, bytes calldata signature) external;

    /// @notice Whether a document of `account` with `nonce` could be executed now as far as the nonce goes. A window nonce
    /// too far ahead cannot now and may later: false alone does not prove that a document is dead.
    function isNonceAvailable(address account, uint256 nonce) external view returns (bool);

    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;

    // ------------------------------------------------------------------------------------------------ safety

    /// @notice Stops `account` from sending and receiving, with a reason code; not from spending others' allowances or, as
    /// an issuer, minting. Compliance officers only.
    function freeze(address account, bytes32 reason) external;

    /// @notice Lets a frozen `account` move again. The zero address, the ledger and its office are frozen for
    /// good: `ERC20InvalidReceiver`.
    function unfreeze(address account, bytes32 reason) external;

    /// @notice Stops every movement, mint and burn; cancels, freezes, role changes and approvals go on. Pausers only.
    function pause() external;

    function unpause() external;

    // ------------------------------------------------------------------------------------------------ views

    function accountState(address account) external view returns (AccountState memory);

    function paused() external view returns (bool);

    /// @notice The ISO 4217 code of the currency this ledger keeps.
    function currency() external view returns (string memory);

    /// @notice The version of the signing domain.
    function version() external view returns (string memory);
}

/// @title The ledger of one currency: balances that move only by their owner's signature, call or allowance.
/// @notice 6 decimals, supply at most 2^96 - 1 units, immutable. All times are seconds since 1970. A document is good
/// while `block.timestamp < validBefore`. Signed documents are EIP-712 typed data under the domain of `eip712Domain()`.
///
/// Nonces of documents. A nonce below 2^56 is a window nonce: good while `windowBase <= nonce` and its bit in the
/// 64-wide window is clear; using one that is 64 or more above the base slides the window, by at most 1,024 at once,
/// and unused nonces below the new base are dead. Every other nonce is wide: one bit each, in any order. The wide
/// nonces whose upper 25 bytes are `WINDOW_NONCE_TAG` name the window nonce in their lower 7 bytes in ERC-3009, and are
/// never good in our own documents.
interface ICash is IERC20Metadata, IMovements, IOffice {}
