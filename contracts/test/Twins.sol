// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC3009, IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {Cash, Vm} from "./Base.sol";
import {Dice} from "./Dice.sol";
import {Events} from "./Events.sol";
import {OpenZeppelinModel} from "./OpenZeppelinModel.sol";
import {SmartAccount} from "./SmartAccounts.sol";

/// The same call at our ledger and at OpenZeppelin's token, and everything that both tell compared after it: success, the
/// answer, the standard events, the supply, every balance, allowance and permit nonce.
abstract contract Twins is Dice, Events {
    /// A signature of one document for each of the two, in the forms that they take.
    struct Signature {
        uint8 v;
        bytes32 r;
        bytes32 s;
        bytes text;
    }

    /// How a document was signed.
    enum Hand {
        Good,
        Forged,
        HighTwin,
        OddV,
        Empty
    }

    uint256 internal constant KEYED = 4;
    uint256 internal constant COUNT = 6;
    uint256 private constant SMART_OWNER = 20;
    uint256 private constant STRANGER = 21;

    OpenZeppelinModel public immutable model;
    address[COUNT] internal _people;

    constructor(Cash cash_) {
        cash = cash_;
        model = new OpenZeppelinModel();
        for (uint256 i = 0; i < KEYED; ++i) {
            _people[i] = person(i);
        }
        _people[KEYED] = address(new SmartAccount(person(SMART_OWNER)));
        _people[KEYED + 1] = ISSUER;
    }

    // ------------------------------------------------------------------------------------------------ both

    /// Sends `ours` to the ledger and `theirs` to the model, both as `caller`, and compares.
    function both(string memory action, address caller, bytes memory ours, bytes memory theirs)
        internal
        returns (bool ok)
    {
        bool modelOk;
        bytes memory told;
        bytes memory expected;
        bytes memory answer;
        bytes memory modelAnswer;
        (ok, told, answer) = _call(address(cash), caller, ours);
        (modelOk, expected, modelAnswer) = _call(address(model), caller, theirs);
        assertEq(ok, modelOk, string.concat(action, ok ? ": the model refuses it" : ": only the model accepts it"));
        if (ok) assertEq(answer, modelAnswer, string.concat(action, ": answer"));
        assertEq(told, expected, string.concat(action, ": events"));
        tally(action, ok);
        compare();
    }

    function both(string memory action, address caller, bytes memory data) internal returns (bool ok) {
        return both(action, caller, data, data);
    }

    function _call(address token, address caller, bytes memory data)
        private
        returns (bool ok, bytes memory told, bytes memory answer)
    {
        listen();
        vm.prank(caller);
        (ok, answer) = token.call(data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; ok && i < logs.length; ++i) {
            if (_isStandard(logs[i])) told = abi.encode(told, logs[i].topics, logs[i].data);
        }
    }

    function _isStandard(Vm.Log memory log) private pure returns (bool) {
        if (log.topics.length == 0) return false;
        bytes32 topic = log.topics[0];
        return topic == IERC20.Transfer.selector || topic == IERC20.Approval.selector
            || topic == IERC3009.AuthorizationUsed.selector || topic == IERC3009Cancel.AuthorizationCanceled.selector;
    }

    function compare() public view {
        assertEq(cash.totalSupply(), model.totalSupply(), "supply");
        for (uint256 i = 0; i < COUNT; ++i) {
            address who = _people[i];
            assertEq(cash.balanceOf(who), model.balanceOf(who), "balance");
            assertEq(cash.nonces(who), model.nonces(who), "permit nonce");
            for (uint256 j = 0; j < COUNT; ++j) {
                assertEq(cash.allowance(who, _people[j]), model.allowance(who, _people[j]), "allowance");
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ choosing

    function anyone(uint256 seed, string memory purpose) internal view returns (address) {
        return _people[roll(seed, purpose) % COUNT];
    }

    /// Rarely nobody. Never the ledger: it takes no money, and the model would.
    function payee(uint256 seed) internal view returns (address) {
        return isOneIn(20, seed, "nobody") ? address(0) : anyone(seed, "payee");
    }

    /// Mostly part of the balance; sometimes nothing, all, one too much, or more than anybody can have.
    function amount(address from, uint256 seed) internal view returns (uint256) {
        uint256 held = cash.balanceOf(from);
        uint256 kind = roll(seed, "amount kind") % 16;
        if (kind == 0) return 0;
        if (kind == 1) return held;
        if (kind == 2) return held + 1;
        if (kind == 3) return type(uint256).max - roll(seed, "huge") % 3;
        if (kind == 4) return 2 ** 96 + roll(seed, "over") % (held + 1);
        return bound(roll(seed, "amount"), 0, held / 3);
    }

    // ------------------------------------------------------------------------------------------------ signing

    /// Mostly good; one in eight is none of the signer's.
    function hand(uint256 seed) internal view returns (Hand) {
        return isOneIn(8, seed, "bad hand") ? Hand(1 + roll(seed, "hand") % 4) : Hand.Good;
    }

    /// `signer`'s signature of `structHash` under the domain of `separator`, in a form that the seed chooses.
    function sign(address signer, bytes32 separator, bytes32 structHash, Hand how)
        internal
        view
        returns (Signature memory signature)
    {
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", separator, structHash));
        (signature.v, signature.r, signature.s) = vm.sign(_keyOf(signer, how), digest);
        if (how == Hand.OddV) signature.v -= 27;
        if (how == Hand.Empty) (signature.v, signature.r, signature.s) = (0, 0, 0);
        if (how == Hand.HighTwin) {
            (signature.v, signature.s) = (55 - signature.v, bytes32(SECP256K1_N - uint256(signature.s)));
        }
        signature.text = abi.encodePacked(signature.r, signature.s, signature.v);
        if (signer == _people[KEYED]) signature.text = abi.encodePacked(hex"01", signature.text);
    }

    /// 64 bytes r, vs (EIP-2098).
    function short(Signature memory signature) internal pure returns (bytes memory) {
        return abi.encodePacked(signature.r, bytes32(uint256(signature.s) | (uint256(signature.v - 27) << 255)));
    }

    function _keyOf(address signer, Hand how) private view returns (uint256) {
        if (how == Hand.Forged) return key(STRANGER);
        for (uint256 i = 0; i < KEYED; ++i) {
            if (_people[i] == signer) return key(i);
        }
        return key(SMART_OWNER);
    }
}
