// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC3009, IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {ICashFacts, SkipReason} from "../src/ICash.sol";
import {Base, Vm} from "./Base.sol";

/// Exactly which events a call made: `listen()`, the call, then `heard(...)` with every event in order.
abstract contract Events is Base {
    function listen() internal {
        vm.recordLogs();
    }

    function heardNothing() internal {
        _heard(new Vm.Log[](0));
    }

    function heard(Vm.Log memory first) internal {
        Vm.Log[] memory expected = new Vm.Log[](1);
        expected[0] = first;
        _heard(expected);
    }

    function heard(Vm.Log memory first, Vm.Log memory second) internal {
        Vm.Log[] memory expected = new Vm.Log[](2);
        (expected[0], expected[1]) = (first, second);
        _heard(expected);
    }

    function heard(Vm.Log memory first, Vm.Log memory second, Vm.Log memory third) internal {
        Vm.Log[] memory expected = new Vm.Log[](3);
        (expected[0], expected[1], expected[2]) = (first, second, third);
        _heard(expected);
    }

    function heard(Vm.Log[] memory expected) internal {
        _heard(expected);
    }

    function _heard(Vm.Log[] memory expected) private {
        Vm.Log[] memory made = vm.getRecordedLogs();
        assertEq(made.length, expected.length, "number of events");
        for (uint256 i = 0; i < made.length; ++i) {
            string memory which = string.concat("event ", vm.toString(i));
            assertEq(made[i].emitter, address(cash), string.concat(which, " emitter"));
            assertEq(abi.encode(made[i].topics), abi.encode(expected[i].topics), string.concat(which, " topics"));
            assertEq(made[i].data, expected[i].data, string.concat(which, " data"));
        }
    }

    // ------------------------------------------------------------------------------------------------ the events

    function transferLog(address from, address to, uint256 value) internal pure returns (Vm.Log memory) {
        return _log(IERC20.Transfer.selector, _topic(from), _topic(to), abi.encode(value));
    }

    function approvalLog(address owner, address spender, uint256 value) internal pure returns (Vm.Log memory) {
        return _log(IERC20.Approval.selector, _topic(owner), _topic(spender), abi.encode(value));
    }

    function allowanceSpentLog(address spender) internal pure returns (Vm.Log memory) {
        return Vm.Log(new bytes32[](0), abi.encodePacked(spender), address(0));
    }

    function approvedLog() internal pure returns (Vm.Log memory log) {
        log.topics = new bytes32[](1);
        log.topics[0] = ICashFacts.Approved.selector;
    }

    function paidLog(bytes32 paymentRef, uint256 nonce) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.Paid.selector, paymentRef, abi.encode(nonce));
    }

    function skippedLog(address payer, uint256 nonce, SkipReason reason) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.Skipped.selector, _topic(payer), abi.encode(nonce, reason));
    }

    function settledLog(bytes32 hash, bytes32 context, uint256[] memory nonces) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.Settled.selector, hash, context, abi.encode(nonces));
    }

    function noncesCanceledLog(address account, uint256 upTo) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.NoncesCanceled.selector, _topic(account), abi.encode(upTo));
    }

    function authorizationUsedLog(address authorizer, bytes32 nonce) internal pure returns (Vm.Log memory) {
        return _log(IERC3009.AuthorizationUsed.selector, _topic(authorizer), nonce, "");
    }

    function authorizationCanceledLog(address authorizer, bytes32 nonce) internal pure returns (Vm.Log memory) {
        return _log(IERC3009Cancel.AuthorizationCanceled.selector, _topic(authorizer), nonce, "");
    }

    function mintedLog(bytes32 bankRef, address issuer, address to, uint256 value)
        internal
        pure
        returns (Vm.Log memory log)
    {
        log.topics = new bytes32[](4);
        log.topics[0] = ICashFacts.Minted.selector;
        log.topics[1] = bankRef;
        log.topics[2] = _topic(issuer);
        log.topics[3] = _topic(to);
        log.data = abi.encode(value);
    }

    function burnedLog(bytes32 bankRef, address issuer, uint256 value) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.Burned.selector, bankRef, _topic(issuer), abi.encode(value));
    }

    function quotaSetLog(address issuer, uint96 capacity, uint96 refillPerSecond, uint96 level)
        internal
        pure
        returns (Vm.Log memory)
    {
        return _log(ICashFacts.QuotaSet.selector, _topic(issuer), abi.encode(capacity, refillPerSecond, level));
    }

    function frozenLog(address account, address officer, bytes32 reason) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.Frozen.selector, _topic(account), _topic(officer), abi.encode(reason));
    }

    function unfrozenLog(address account, address officer, bytes32 reason) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.Unfrozen.selector, _topic(account), _topic(officer), abi.encode(reason));
    }

    function pausedLog(address pauser) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.Paused.selector, _topic(pauser), "");
    }

    function unpausedLog(address pauser) internal pure returns (Vm.Log memory) {
        return _log(ICashFacts.Unpaused.selector, _topic(pauser), "");
    }

    function _topic(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function _log(bytes32 topic0, bytes32 topic1, bytes memory data) private pure returns (Vm.Log memory log) {
        log.topics = new bytes32[](2);
        (log.topics[0], log.topics[1]) = (topic0, topic1);
        log.data = data;
    }

    function _log(bytes32 topic0, bytes32 topic1, bytes32 topic2, bytes memory data)
        private
        pure
        returns (Vm.Log memory log)
    {
        log.topics = new bytes32[](3);
        (log.topics[0], log.topics[1], log.topics[2]) = (topic0, topic1, topic2);
        log.data = data;
    }
}
