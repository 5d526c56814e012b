// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "../src/Account.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC5313} from "@openzeppelin/contracts/interfaces/IERC5313.sol";
import {Documents} from "../src/Documents.sol";
import {ICash, Leg} from "../src/ICash.sol";

/// Everything that a deployed `Cash` answers, its office's part too.
interface Cash is ICash, IAccessControlDefaultAdminRules, IERC165, IERC5267, IERC5313 {
    function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
    function ISSUER_ROLE() external view returns (bytes32);
    function PAUSER_ROLE() external view returns (bytes32);
    function COMPLIANCE_ROLE() external view returns (bytes32);
    function WINDOW_NONCE_TAG() external view returns (uint256);
    function TRANSFER_WITH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);
    function RECEIVE_WITH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);
    function CANCEL_AUTHORIZATION_TYPEHASH() external view returns (bytes32);
    function PERMIT_TYPEHASH() external view returns (bytes32);
    function open(address admin, uint48 adminDelay) external;
}

/// The cheat codes of forge that these tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 privateKey) external pure returns (address);
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function warp(uint256 timestamp) external;
    function chainId(uint256 id) external;
    function assume(bool condition) external pure;
    function expectRevert(bytes calldata data) external;
    function expectRevert() external;
    function expectEmit(bool, bool, bool, bool) external;
    function expectEmit() external;
    function etch(address target, bytes calldata code) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
    function getCode(string calldata artifact) external view returns (bytes memory creationCode);
    function load(address target, bytes32 slot) external view returns (bytes32);
    function store(address target, bytes32 slot, bytes32 value) external;
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool);
    function signAndAttachDelegation(address implementation, uint256 privateKey) external;
    function toString(uint256 value) external pure returns (string memory);
    function toString(address value) external pure returns (string memory);
    function toString(bytes32 value) external pure returns (string memory);
    function eip712HashTypedData(string calldata json) external pure returns (bytes32);
}

/// One debtor's answer to a settlement: the nonce that debtor's `Consent` carries, and the signature over it.
struct SignedConsent {
    uint256 nonce;
    bytes signature;
}

/// The fields that an ERC-3009 transfer and a receive have in common.
struct Authorization {
    address from;
    address to;
    uint256 value;
    uint256 validAfter;
    uint256 validBefore;
    bytes32 nonce;
}

/// What every test contract starts from: one `Cash`, its role holders, people with keys, and signing.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// forge reads this to know that the contract holds tests.
    // solhint-disable-next-line const-name-snakecase
    bool public constant IS_TEST = true;

    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 internal constant BEFORE = START + 1 days;

    address internal constant ADMIN = address(0xAD);
    address internal constant ISSUER = address(0x155);
    address internal constant PAUSER = address(0x9A5);
    address internal constant OFFICER = address(0xC0);
    address internal constant RELAYER = address(0x7E1);

    Cash internal cash;
    uint256 private _bankRefs;

    function setUp() public virtual {
        vm.warp(START);
        cash = newCash();
    }

    function newCash() internal returns (Cash fresh) {
        fresh = deploy("EUR", ADMIN, 0);
        vm.startPrank(ADMIN);
        fresh.grantRole(fresh.ISSUER_ROLE(), ISSUER);
        fresh.grantRole(fresh.PAUSER_ROLE(), PAUSER);
        fresh.grantRole(fresh.COMPLIANCE_ROLE(), OFFICER);
        fresh.setQuota(ISSUER, type(uint96).max, 0);
        vm.stopPrank();
    }

    /// From the artifact, as it will be deployed. With `new`, every test contract would compile the ledger once more.
    function deploy(string memory currency, address admin, uint48 adminDelay) internal returns (Cash fresh) {
        bytes memory code = abi.encodePacked(vm.getCode("Cash.sol:Cash"), abi.encode(currency, admin, adminDelay));
        assembly {
            fresh := create(0, add(code, 0x20), mload(code))
        }
        assertTrue(address(fresh) != address(0), "the ledger was not deployed");
    }

    // ------------------------------------------------------------------------------------------------ people

    /// The private key of person `i`, 0 upwards.
    function key(uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("person", i))) % (SECP256K1_N - 1) + 1;
    }

    function person(uint256 i) internal pure returns (address) {
        return vm.addr(key(i));
    }

    function give(address to, uint256 value) internal {
        vm.prank(ISSUER);
        cash.mint(to, value, keccak256(abi.encode("bank", ++_bankRefs)));
    }

    /// `count` keys from `first` on, ascending by address, as legs must be.
    function sortedKeys(uint256 first, uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        address[] memory people = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 candidate = key(first + i);
            address who = vm.addr(candidate);
            uint256 j = i;
            while (j > 0 && people[j - 1] > who) {
                (keys[j], people[j]) = (keys[j - 1], people[j - 1]);
                --j;
            }
            (keys[j], people[j]) = (candidate, who);
        }
    }

    function freeze(address account) internal {
        vm.prank(OFFICER);
        cash.freeze(account, "court order");
    }

    function pause() internal {
        vm.prank(PAUSER);
        cash.pause();
    }

    function balance(uint256 i) internal view returns (uint256) {
        return cash.balanceOf(person(i));
    }

    /// Puts `word` where the contract keeps the account of `holder`, for states that no test can reach step by step.
    /// Finds the place by a balance, which the account must have.
    function place(address holder, Account word) internal {
        uint256 known = cash.balanceOf(holder);
        assertTrue(known != 0, "an account without a balance cannot be found");
        for (uint256 i = 0; i < 32; ++i) {
            bytes32 slot = keccak256(abi.encode(holder, i));
            if (Account.wrap(uint256(vm.load(address(cash), slot))).balance() != known) continue;
            vm.store(address(cash), slot, bytes32(Account.unwrap(word)));
            return;
        }
        revert NotTrue("the account was not found");
    }

    // ------------------------------------------------------------------------------------------------ signing

    /// The ERC-3009 nonce that names window nonce `nonce`.
    function tagged(uint256 nonce) internal pure returns (bytes32) {
        return bytes32(((uint256(keccak256("chainwallet.window-nonce")) >> 56) << 56) | nonce);
    }

    function digestOf(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", cash.DOMAIN_SEPARATOR(), structHash));
    }

    /// 65 bytes r, s, v.
    function signed(uint256 privateKey, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digestOf(structHash));
        return abi.encodePacked(r, s, v);
    }

    /// 64 bytes r, vs (EIP-2098).
    function signedShort(uint256 privateKey, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digestOf(structHash));
        return abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function item(uint256 privateKey, address to, uint256 value, bytes32 paymentRef, uint256 nonce, uint256 validBefore)
        internal
        view
        returns (bytes memory)
    {
        address from = vm.addr(privateKey);
        bytes32 hash = Documents.payment(from, to, value, paymentRef, nonce, validBefore);
        return abi.encodePacked(
            from, to, uint96(value), paymentRef, uint56(nonce), uint40(validBefore), signedShort(privateKey, hash)
        );
    }

    function item(uint256 privateKey, address to, uint256 value, uint256 nonce) internal view returns (bytes memory) {
        return item(privateKey, to, value, keccak256(abi.encode(privateKey, nonce)), nonce, BEFORE);
    }

    function wideItem(uint256 privateKey, address to, uint256 value, uint256 nonce)
        internal
        view
        returns (bytes memory)
    {
        address from = vm.addr(privateKey);
        bytes32 paymentRef = keccak256(abi.encode(privateKey, nonce));
        bytes32 hash = Documents.payment(from, to, value, paymentRef, nonce, BEFORE);
        return
            abi.encodePacked(from, to, uint96(value), paymentRef, nonce, uint40(BEFORE), signedShort(privateKey, hash));
    }

    function settlementHash(
        Leg[] memory debits,
        Leg[] memory credits,
        bytes32 context,
        address operator,
        uint256 validBefore
    ) internal pure returns (bytes32) {
        return Documents.settlement(hashOfLegs(debits), hashOfLegs(credits), context, operator, validBefore);
    }

    function hashOfLegs(Leg[] memory legs) internal pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < legs.length; ++i) {
            hashes = abi.encodePacked(hashes, Documents.leg(legs[i].account, legs[i].amount));
        }
        return keccak256(hashes);
    }

    /// As `settle` takes them: in the short form where that holds them.
    function packed(SignedConsent[] memory consents) internal pure returns (bytes memory all) {
        for (uint256 i = 0; i < consents.length; ++i) {
            (uint256 nonce, bytes memory signature) = (consents[i].nonce, consents[i].signature);
            all = nonce < 2 ** 56 && signature.length == 64
                ? abi.encodePacked(all, uint8(0), uint56(nonce), signature)
                : abi.encodePacked(all, uint8(1), nonce, uint16(signature.length), signature);
        }
    }

    // ------------------------------------------------------------------------------------------------ assertions

    error NotEqual(string what, uint256 left, uint256 right);
    error NotSame(string what, bytes left, bytes right);
    error NotTrue(string what);

    function assertEq(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert NotEqual(what, left, right);
    }

    function assertEq(address left, address right, string memory what) internal pure {
        if (left != right) revert NotEqual(what, uint160(left), uint160(right));
    }

    function assertEq(bytes32 left, bytes32 right, string memory what) internal pure {
        if (left != right) revert NotEqual(what, uint256(left), uint256(right));
    }

    function assertEq(string memory left, string memory right, string memory what) internal pure {
        if (keccak256(bytes(left)) != keccak256(bytes(right))) revert NotTrue(what);
    }

    function assertEq(bytes memory left, bytes memory right, string memory what) internal pure {
        if (keccak256(left) != keccak256(right)) revert NotSame(what, left, right);
    }

    function assertEq(bool left, bool right, string memory what) internal pure {
        if (left != right) revert NotTrue(what);
    }

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    /// `value` brought into `low .. high`, both included.
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (value >= low && value <= high) return value;
        uint256 size = high - low + 1;
        return size == 0 ? value : low + (value % size);
    }
}
