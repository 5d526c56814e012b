// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Account} from "./Account.sol";
import {Allowance, Allowances} from "./Allowances.sol";
import {Authorizations} from "./Authorizations.sol";
import {Documents} from "./Documents.sol";
import {IMovements} from "./ICash.sol";
import {Ledger} from "./Ledger.sol";
import {Office} from "./Office.sol";
import {Payments} from "./Payments.sol";
import {Settlements} from "./Settlements.sol";

/// @title The ledger of one currency. See `ICash` for what it promises.
/// @dev What moves money is here; every other call goes to the `Office`, which works on this contract's storage. No variable
/// is declared here: all are `Ledger`'s.
contract Cash is IMovements, Payments, Settlements, Authorizations {
    /// @param currencyCode ISO 4217, such as EUR
    /// @param admin grants roles and sets quotas; holds no role itself
    /// @param adminDelay seconds between the two steps of handing over the admin
    constructor(string memory currencyCode, address admin, uint48 adminDelay)
        Ledger(currencyCode, address(new Office(currencyCode)))
    {
        // slither-disable-next-line unused-return - `open` answers nothing, and a failure reverts
        Address.functionDelegateCall(_office, abi.encodeCall(Office.open, (admin, adminDelay)));
    }

    /// Calls that are not answered here are the office's, whose address is fixed for good. Assembly: OpenZeppelin's
    /// `functionDelegateCall` costs 470 gas more and would put an error of its own in the place of an empty one.
    /// Memory-safe: writes beyond the memory in use.
    fallback() external {
        address office = _office;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let success := delegatecall(gas(), office, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(success) { revert(free, returndatasize()) }
            return(free, returndatasize())
        }
    }

    // ------------------------------------------------------------------------------------------------ ERC-20

    function balanceOf(address account) external view returns (uint256) {
        return _holdings[account].account.balance();
    }

    function transfer(address to, uint256 value) external whenMovable returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external whenMovable returns (bool) {
        Allowance storage allowed = Allowances.between(from, msg.sender);
        uint256 available = allowed.value;
        if (available == type(uint256).max) {
            _move(from, to, value);
            return true;
        }
        if (value > available) revert ERC20InsufficientAllowance(msg.sender, available, value);
        unchecked {
            allowed.value = available - value;
        }
        Holding storage payer = _holdings[from];
        _move(payer, payer.account, from, to, value);
        Allowances.emitSpent(msg.sender);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        emit Approved();
        return true;
    }

    function allowance(address owner, address spender) external view returns (uint256) {
        return Allowances.between(owner, spender).value;
    }

    // ------------------------------------------------------------------------------------------------ ERC-2612

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        (Holding storage holding, Account account) = _permitter(owner, deadline);
        _requireSigned(owner, Documents.permit(owner, spender, value, account.permitNonce(), deadline), v, r, s);
        holding.account = account.withNextPermitNonce();
        _approve(owner, spender, value);
    }

    /// @inheritdoc IMovements
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature)
        external
    {
        (Holding storage holding, Account account) = _permitter(owner, deadline);
        _requireSigned(owner, Documents.permit(owner, spender, value, account.permitNonce(), deadline), signature);
        holding.account = account.withNextPermitNonce();
        _approve(owner, spender, value);
    }

    /// Where `owner`'s account is and what it holds, checked for one more permit. ERC-2612: good while
    /// `block.timestamp <= deadline`.
    function _permitter(address owner, uint256 deadline)
        private
        view
        returns (Holding storage holding, Account account)
    {
        if (block.timestamp > deadline) {
            revert Expired(deadline, block.timestamp);
        }
        holding = _holdings[owner];
        account = holding.account;
        if (account.permitNonce() == type(uint32).max) revert PermitNoncesExhausted(owner);
    }

    function _approve(address owner, address spender, uint256 value) private {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        Allowances.between(owner, spender).value = value;
        emit IERC20.Approval(owner, spender, value);
    }

    function nonces(address owner) external view returns (uint256) {
        return _holdings[owner].account.permitNonce();
    }

    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }
}
