// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC3009, IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {ICashFacts} from "../src/ICash.sol";
import {Vm} from "./Base.sol";
import {PlainLedger} from "./PlainLedger.sol";

/// A state rebuilt from the ledger's events and nothing else, as an indexer would. Knows no call and no signature.
contract Fold is PlainLedger {
    /// How often a nonce was executed or cancelled one by one, by the account and by what the nonce names.
    mapping(bytes32 => uint256) private _executions;
    uint256 public mostExecutions;
    mapping(bytes32 bankRef => uint256) private _bankRefUses;
    uint256 public mostBankRefUses;
    mapping(address issuer => uint256) public minted;
    /// What an issuer's bucket can have held in all: its first filling and every second's refill.
    mapping(address issuer => uint256) private _granted;
    mapping(address issuer => uint256) private _grantedAt;

    bytes32 private constant ALLOWANCE_SPENT = 0;

    error UnknownEvent(bytes32 topic);
    error OutOfPlace(bytes32 topic);

    function read(Vm.Log[] memory logs) external {
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 topic = _topicOf(logs[i]);
            if (topic == ICashFacts.Skipped.selector || topic == ICashFacts.Approved.selector) continue;
            bool isKnown =
                _readMovement(logs, i) || _readNonce(logs[i]) || _readIssuing(logs[i]) || _readSafety(logs[i]);
            if (!isKnown) revert UnknownEvent(topic);
        }
    }

    // ------------------------------------------------------------------------------------------------ events

    function _readMovement(Vm.Log[] memory logs, uint256 i) private returns (bool) {
        Vm.Log memory log = logs[i];
        bytes32 topic = _topicOf(log);
        if (topic == IERC20.Transfer.selector) {
            _transfer(_account(log, 1), _account(log, 2), abi.decode(log.data, (uint256)));
        } else if (topic == IERC20.Approval.selector) {
            plainAllowance[_account(log, 1)][_account(log, 2)] = abi.decode(log.data, (uint256));
            bool isPermit = i + 1 == logs.length || _topicOf(logs[i + 1]) != ICashFacts.Approved.selector;
            if (isPermit) ++plainPermitNonce[_account(log, 1)];
        } else if (topic == ALLOWANCE_SPENT) {
            Vm.Log memory transfer = _transferAt(logs, i - 1, topic);
            address spender = address(bytes20(log.data));
            plainAllowance[_account(transfer, 1)][spender] -= abi.decode(transfer.data, (uint256));
        } else if (topic == ICashFacts.Paid.selector) {
            _use(_account(_transferAt(logs, i - 1, topic), 1), abi.decode(log.data, (uint256)));
        } else if (topic == ICashFacts.Settled.selector) {
            _settled(logs, i);
        } else {
            return false;
        }
        return true;
    }

    /// The last nonce is that of the payer of the `Transfer` before; each other payer, going back, has the one before.
    function _settled(Vm.Log[] memory logs, uint256 i) private {
        uint256[] memory nonces = abi.decode(logs[i].data, (uint256[]));
        address payer = address(0);
        for (uint256 left = nonces.length; left > 0;) {
            address next = _account(_transferAt(logs, --i, ICashFacts.Settled.selector), 1);
            if (next == payer) continue;
            payer = next;
            _use(payer, nonces[--left]);
        }
    }

    function _readNonce(Vm.Log memory log) private returns (bool) {
        bytes32 topic = _topicOf(log);
        if (topic == ICashFacts.NoncesCanceled.selector) {
            plainWindow[_account(log, 1)].cancel(abi.decode(log.data, (uint256)));
        } else if (
            topic == IERC3009.AuthorizationUsed.selector || topic == IERC3009Cancel.AuthorizationCanceled.selector
        ) {
            _useAuthorization(_account(log, 1), log.topics[2]);
        } else {
            return false;
        }
        return true;
    }

    function _readIssuing(Vm.Log memory log) private returns (bool) {
        bytes32 topic = _topicOf(log);
        if (topic == ICashFacts.Minted.selector) {
            (address issuer, uint256 value) = (_account(log, 2), abi.decode(log.data, (uint256)));
            plainQuota[issuer].spend(value);
            minted[issuer] += value;
            _useBankRef(log.topics[1]);
        } else if (topic == ICashFacts.Burned.selector) {
            _useBankRef(log.topics[1]);
        } else if (topic == ICashFacts.QuotaSet.selector) {
            address issuer = _account(log, 1);
            (uint256 capacity, uint256 refill, uint256 level) = abi.decode(log.data, (uint256, uint256, uint256));
            _granted[issuer] = plainQuota[issuer].updatedAt == 0 ? capacity : mostGranted(issuer);
            _grantedAt[issuer] = block.timestamp;
            plainQuota[issuer].set(capacity, refill);
            if (plainQuota[issuer].level != level) revert OutOfPlace(topic);
        } else {
            return false;
        }
        return true;
    }

    function _readSafety(Vm.Log memory log) private returns (bool) {
        bytes32 topic = _topicOf(log);
        if (topic == ICashFacts.Frozen.selector) plainFrozen[_account(log, 1)] = true;
        else if (topic == ICashFacts.Unfrozen.selector) plainFrozen[_account(log, 1)] = false;
        else if (topic == ICashFacts.Paused.selector) plainPaused = true;
        else if (topic == ICashFacts.Unpaused.selector) plainPaused = false;
        else return false;
        return true;
    }

    function mostGranted(address issuer) public view returns (uint256) {
        return _granted[issuer] + plainQuota[issuer].refillPerSecond * (block.timestamp - _grantedAt[issuer]);
    }

    // ------------------------------------------------------------------------------------------------ steps

    function _transfer(address from, address to, uint256 value) private {
        if (from == address(0)) create(to, value);
        else if (to == address(0)) destroy(from, value);
        else move(from, to, value);
    }

    function _use(address account, uint256 nonce) private {
        _count(keccak256(abi.encode(account, nonce, nonce < 2 ** 56)));
        useNonce(account, nonce);
    }

    /// A tagged nonce is counted as the window nonce it names.
    function _useAuthorization(address account, bytes32 nonce) private {
        uint256 number = uint256(nonce);
        if (isTagged(number)) _count(keccak256(abi.encode(account, uint56(number), true)));
        else _count(keccak256(abi.encode(account, number, false)));
        useAuthorizationNonce(account, nonce);
    }

    function _count(bytes32 execution) private {
        uint256 count = ++_executions[execution];
        if (count > mostExecutions) mostExecutions = count;
    }

    function _useBankRef(bytes32 bankRef) private {
        plainBankRef[bankRef] = true;
        uint256 uses = ++_bankRefUses[bankRef];
        if (uses > mostBankRefUses) mostBankRefUses = uses;
    }

    function _transferAt(Vm.Log[] memory logs, uint256 i, bytes32 before) private pure returns (Vm.Log memory) {
        if (_topicOf(logs[i]) != IERC20.Transfer.selector) revert OutOfPlace(before);
        return logs[i];
    }

    /// The one event without topics is `AllowanceSpent`.
    function _topicOf(Vm.Log memory log) private pure returns (bytes32) {
        return log.topics.length == 0 ? ALLOWANCE_SPENT : log.topics[0];
    }

    function _account(Vm.Log memory log, uint256 i) private pure returns (address) {
        return address(uint160(uint256(log.topics[i])));
    }
}
